/**
 * Errors a user of the library meets. The first line says what is wrong, the following lines give the values:
 *
 *   ShapeError: linear: x has 6 features but the weight was built for 8
 *     x        [5, 6]   expected [N, 8]
 *     w        [8, 4]
 *
 * A command prints `error.message` and never a stack trace. Names are written out: bundlers shorten those of classes. What an error
 * knows beside its text stands behind accessors, so that an error that nobody caught shows its text once.
 */
export abstract class FromnoiseError extends Error {
  abstract override readonly name: string;
  readonly #summary: string;
  readonly #details: readonly string[];
  #location: string | undefined;

  constructor(summary: string, details: readonly string[] = []) {
    super([summary, ...details.map((line) => `  ${line}`)].join("\n"));
    this.#summary = summary;
    this.#details = details;
  }

  /** One sentence: what is wrong and where. */
  get summary(): string {
    return this.#summary;
  }

  /** The values behind the sentence, one line each. */
  get details(): readonly string[] {
    return this.#details;
  }

  /** The path of the layer, such as unet.mid_block.attentions.0; undefined outside of layers. */
  get location(): string | undefined {
    return this.#location;
  }

  /** Adds the layer in which the error came up, once: the innermost `at` that sees the error names it. */
  locate(path: string): void {
    if (this.#location !== undefined || path === "") return;
    const { message, stack } = this; // the stack, which begins with the message, before that changes
    this.#location = path;
    this.message += `\n  at ${path}`;
    if (stack !== undefined) this.stack = stack.replace(message, () => this.message);
  }
}

/** Shapes, axes or sizes that do not fit an operation. */
export class ShapeError extends FromnoiseError {
  override readonly name = "ShapeError";
}

/** A device that is not there, a mix of devices, or a dtype or size that a device does not have. */
export class DeviceError extends FromnoiseError {
  override readonly name = "DeviceError";
}

/** A device without room for what a kernel makes or needs. */
export class NoRoomError extends DeviceError {
  /** The same error with the number of tensors alive, where they are so many that a loop may have left them. */
  filledBy(tensors: number): NoRoomError {
    if (tensors < 1000) return this;
    const advice = "if a loop leaves them, run what it repeats in device.scope(() => ...)";
    return new NoRoomError(this.summary, [...this.details, `alive    ${tensors} tensors; ${advice}`]);
  }
}

/** Use of a tensor or device after it was disposed. */
export class DisposedError extends FromnoiseError {
  override readonly name = "DisposedError";
}

/** A value that is NaN or infinite where training cannot go on; names the first such tensor and the step. */
export class NumericError extends FromnoiseError {
  override readonly name = "NumericError";
}

/** A configuration field or option: names the field, the value, and what is allowed. */
export class ConfigError extends FromnoiseError {
  override readonly name = "ConfigError";
}

/** A checkpoint that is damaged or does not fit the model: key by key. */
export class CheckpointError extends FromnoiseError {
  override readonly name = "CheckpointError";
}

/** An image file that cannot be read or does not fit: the file and what was expected. */
export class ImageError extends FromnoiseError {
  override readonly name = "ImageError";
}
