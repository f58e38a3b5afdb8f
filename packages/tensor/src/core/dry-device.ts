import type { Backend } from "./backend.js";
import { Device } from "./device.js";
import { DeviceError } from "./errors.js";
import { kernelNames, type KernelTable } from "../kernels/contract.js";

/**
 * A device that checks shapes and shows every kernel to its observers, but computes nothing and holds no values: what a network
 * would cost, at once, whatever its size. Reading a tensor throws DeviceError.
 */
export function openDryDevice(): Device {
  const nothing = (): void => undefined;
  const backend: Backend<undefined> = {
    description: "dry: shapes and costs only",
    dtypes: ["f32", "f64"],
    kernels: Object.fromEntries(kernelNames.map((name) => [name, nothing])) as unknown as KernelTable<undefined>,
    allocate: nothing,
    upload: nothing,
    read: () => {
      throw new DeviceError("the dry device computes nothing, so there are no values to read");
    },
    free: nothing,
    sync: nothing,
    dispose: nothing,
  } as Backend<undefined>;
  return Device.over("dry", backend);
}
