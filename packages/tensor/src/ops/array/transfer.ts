/** Copies that pass through the host, and therefore take an `await`; their results are persistent, outside of every scope. */
import type { Device } from "../../core/device.js";
import { assertDevice } from "../../core/expect-device.js";
import { assertTensor } from "../../core/expect-tensor.js";
import type { DType } from "../../kernels/contract.js";
import type { Tensor } from "../../core/tensor.js";

/** A copy of x in another dtype on its device. Throws DeviceError when the device does not have the dtype. */
export async function cast(x: Tensor, dtype: DType): Promise<Tensor> {
  assertTensor("cast", "x", x);
  return x.device.upload(await x.data(), x.shape, dtype);
}

/** A copy of x on another device. Throws DeviceError when that device does not have the dtype of x. */
export async function to(x: Tensor, device: Device): Promise<Tensor> {
  assertTensor("to", "x", x);
  assertDevice("to", device);
  return device.upload(await x.data(), x.shape, x.dtype);
}
