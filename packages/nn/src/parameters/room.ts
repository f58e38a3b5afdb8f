/** Whether a device has room for a network, said before anything is made. */
import { DeviceError, formatShape, sizeOf, type DType, type Device } from "@fromnoise/tensor";
import { parameterCount, type Module } from "./module.js";

/** What is to be kept on which device. */
export interface RoomOptions {
  readonly device: Device;
  readonly dtype: DType;
  /** What is kept for every parameter, each a word for people: weights, averages, moments. Default the weights alone. */
  readonly kept?: readonly string[];
  /** Arrays beside them, which are there at once: the values of a batch. */
  readonly data?: { readonly what: string; readonly values: number };
}

/** Most values of one tensor: f64 arrays of so many are the largest that every engine makes. */
const MOST_VALUES = 2 ** 29;

/**
 * Throws DeviceError where a device cannot hold what a module and its data take: parameters x kept + data values, 4 bytes each in
 * f32 and 8 in f64, against `device.capacity`; and where a single parameter has more than 2^29 values. What the computation itself
 * needs comes on top: what passes here can still find no room, but what does not never would.
 */
export function checkRoom(module: Module, { device, dtype, kept = ["weights"], data }: RoomOptions): void {
  const bytes = dtype === "f32" ? 4 : 8;
  const count = parameterCount(module);
  const needed = bytes * (count * kept.length + (data?.values ?? 0));
  const large = module.parameters.find(({ shape }) => sizeOf(shape) > MOST_VALUES);
  if (large === undefined && needed <= device.capacity) return;
  const what = data === undefined ? "the network" : "network and data";
  throw new DeviceError(`the ${device.name} device has no room for ${what}: ${gibibytes(needed)} are needed`, [
    `allowed  ${device.capacity === Infinity ? "" : `${gibibytes(device.capacity)}, and `}${MOST_VALUES} values a tensor`,
    `network  ${gibibytes(bytes * count * kept.length)}: ${kept.join(", ")} of ${count.toLocaleString("en-US")} parameters in ${dtype}`,
    ...(data === undefined ? [] : [`data     ${gibibytes(bytes * data.values)}: ${data.what}`]),
    ...(large === undefined ? [] : [`largest  ${large.name} ${formatShape(large.shape)}`]),
  ]);
}

/** 1610612736 bytes are "1.50 GiB", 1048576 "1.00 MiB". */
export function gibibytes(bytes: number): string {
  return bytes < 2 ** 28 ? `${(bytes / 2 ** 20).toFixed(2)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
