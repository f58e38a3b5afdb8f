import { openDevice, type Device } from "@fromnoise/tensor";
import { benchOf } from "./cases.js";
import type { Engine } from "./engine.js";

/** One of our devices as an engine. Throws what openDevice throws. */
export async function openDeviceEngine(spec: string): Promise<Engine> {
  return deviceEngine(await openDevice(spec));
}

/** An open device as an engine, in f32. */
export function deviceEngine(device: Device): Engine {
  return {
    description: device.description,
    open(bench, shape) {
      const workload = benchOf(bench).open(shape, device, "f32");
      return {
        run: () => workload.run(),
        sync: () => device.sync(),
        results: () => workload.results(),
        transfer: workload.transfer?.bind(workload),
        dispose: () => workload.dispose(),
      };
    },
  };
}
