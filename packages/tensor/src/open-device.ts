import { Device } from "./device.js";
import { ConfigError } from "./errors.js";

/** Names of the devices `openDevice` knows. */
export const deviceNames = ["reference"] as const;
export type DeviceName = (typeof deviceNames)[number];

/** A device string of the command line and the benches, taken apart. */
export interface DeviceSpec { name: DeviceName; options: Record<string, never> }

/**
 * Reads `name[:option[,option]]`, the form in which commands and benches name a device: "reference".
 * Throws ConfigError for an unknown name or option.
 */
export function parseDevice(spec: string): DeviceSpec {
  const [name, option] = spec.split(":", 2);
  if (!deviceNames.includes(name as DeviceName)) {
    throw new ConfigError(`device "${spec}" is unknown`, [`allowed  ${deviceNames.join(", ")}`]);
  }
  if (option !== undefined) throw new ConfigError(`device "${spec}": the ${name} device takes no option`);
  return { name: name as DeviceName, options: {} };
}

/**
 * Opens a device:
 *  - `reference`: plain TypeScript loops in f32 and f64, the specification every other device is tested against.
 * There is no fallback: a device that is not there is an error.
 */
export async function openDevice(name: DeviceName): Promise<Device> {
  switch (name) {
    case "reference": {
      const { openReference } = await import("./backends/reference/index.js");
      return Device.over(name, openReference());
    }
    default:
      throw new ConfigError(`device "${String(name)}" is unknown`, [`allowed  ${deviceNames.join(", ")}`]);
  }
}

/** Opens the device that a string of the form `name[:option]` names: what commands and benches call. Throws as parseDevice and openDevice. */
export async function openDeviceSpec(spec: string): Promise<Device> {
  const { name } = parseDevice(spec);
  return openDevice(name);
}
