/** What a mode cannot do, checked before every launch. */
import { DeviceError } from "../../../core/errors.js";
import { elements, isLine, type Space } from "./space.js";

/** Sizes beyond which a mode fails or computes wrongly. */
export interface Limits {
  /** Numbers in one array. */
  readonly elements: number;
  /** Rows, and columns, of a matrix. */
  readonly side: number;
  /** Arrays a kernel may read. */
  readonly inputs: number;
}

/** Throws DeviceError where a kernel, of whose spaces the first is its output's, passes a limit of the mode. */
export function checkLimits({ name, limits }: { name: string; limits: Limits }, kernel: string, spaces: readonly Space[]): void {
  if (spaces.length - 1 > limits.inputs) {
    throw new DeviceError(`${kernel}: ${spaces.length - 1} input arrays are too many`, [`limit    ${limits.inputs} (${name})`]);
  }
  for (const space of spaces) {
    const tooLong = isLine(space) ? undefined : space.find((side) => side > limits.side);
    if (tooLong !== undefined) {
      throw new DeviceError(`${kernel}: a side of ${tooLong} is too long`, [
        `space    [${space.join(", ")}]`, `limit    ${limits.side} rows or columns (${name})`,
      ]);
    }
    if (elements(space) > limits.elements) {
      throw new DeviceError(`${kernel}: ${elements(space)} numbers are too many for one array`, [`limit    ${limits.elements} (${name})`]);
    }
  }
}
