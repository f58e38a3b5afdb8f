/** What a program without types may hand over in the place of a device, and the error that says what to pass instead. */
import { Device } from "./device.js";
import { ConfigError } from "./errors.js";
import { inWords, isPromise } from "./expect-tensor.js";

const OPENED = 'await openDevice("reference")';

/** Throws ConfigError unless `device` is an open device: 'to: device is the string "wasm", not a device'. */
export function assertDevice(use: string, device: unknown): asserts device is Device {
  if (device instanceof Device) return;
  const advice = isPromise(device) ? "await    const device = await openDevice(...)"
    : `pass     ${typeof device === "string" ? `await openDevice(${JSON.stringify(device)})` : OPENED}`;
  throw new ConfigError(`${use}: device is ${inWords(device)}, not a device`, [advice]);
}

/** Throws ConfigError unless `options` has an open device, as whatever makes tensors needs one. */
export function assertDeviceIn(use: string, options: { readonly device: Device }): void {
  const { device } = (options as { device?: unknown } | undefined) ?? {};
  if (device instanceof Device) return;
  if (options instanceof Device) throw new ConfigError(`${use}: options is a device`, ["pass     { device }"]);
  if (device === undefined) throw new ConfigError(`${use}: options has no device`, [`pass     { device }, from ${OPENED}`]);
  assertDevice(use, device);
}
