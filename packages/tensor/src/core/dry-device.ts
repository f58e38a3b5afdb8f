import type { Backend } from "./backend.js";
import { Device } from "./device.js";
import { DeviceError } from "./errors.js";
import { fusedKernels, kernels, updateKernels, type KernelTable } from "../kernels/contract.js";

/**
 * A device that checks shapes and reports every kernel (`onKernel`), but computes nothing and holds no values: what a network would
 * cost, at once, whatever its size. Reading a tensor throws DeviceError.
 */
export function openDryDevice(): Device {
  const nothing = (): void => undefined;
  const names = [...Object.keys(kernels), ...Object.keys(fusedKernels), ...Object.keys(updateKernels)];
  const backend: Backend<undefined> = {
    description: "dry: shapes and costs only",
    dtypes: ["f32", "f64"],
    kernels: Object.fromEntries(names.map((name) => [name, nothing])) as unknown as KernelTable<undefined>,
    sharesReshapes: true,
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
