import { ConfigError, ShapeError, assertTensor, formatShape, inspectSymbol, type Shape, type Tensor } from "@fromnoise/tensor";

/**
 * How a parameter is laid out here and in files, which follow PyTorch:
 *  - `conv`    [kh, kw, Cin, Cout] here, [Cout, Cin, kh, kw] in files;
 *  - `linear`  [in, out] here, [out, in] in files;
 *  - `vector`  [C] in both;
 *  - `table`   [rows, D] in both;
 *  - `channels` [C] here, [1, C, 1, 1] in files;
 *  - `array`   any shape, the same in both.
 */
export type ParameterKind = "conv" | "linear" | "vector" | "table" | "channels" | "array";

/** What a parameter does in its layer; initialisation and golden fills go by it. */
export type ParameterRole = "weight" | "bias" | "norm-scale" | "norm-shift" | "embedding" | "scale";

/** What a parameter is of a layer, by which files lay it out and initial values are drawn. */
export interface ParameterOptions {
  readonly kind: ParameterKind;
  readonly role: ParameterRole;
  /** Inputs and outputs of one unit of the layer: Cin kh kw and Cout kh kw for a convolution, in and out for a linear layer. */
  readonly fanIn?: number;
  readonly fanOut?: number;
  /** The last projection of a residual branch or of the network: the paper starts it near zero. */
  readonly closesBranch?: boolean;
  /** What every value starts as, whatever the scheme; of a `scale` 1 unless given, of the others drawn. */
  readonly start?: number | undefined;
  /** Standard deviation with which an embedding is drawn; default 1. */
  readonly spread?: number;
}

/**
 * A trained tensor with the name it has in a state dict (diffusers' names). A layer makes its parameters without values;
 * `initialize`, `loadStateDict` after it, or an assignment to `tensor` gives them some.
 */
export class Parameter {
  readonly name: string;
  /** Shape of `tensor`, channels last. */
  readonly shape: Shape;
  readonly kind: ParameterKind;
  readonly role: ParameterRole;
  readonly fanIn: number;
  readonly fanOut: number;
  readonly closesBranch: boolean;
  readonly start: number | undefined;
  readonly spread: number;
  private value: Tensor | undefined;

  constructor(name: string, shape: Shape, options: ParameterOptions) {
    const { kind, role, fanIn = 1, fanOut = 1, closesBranch = false, start, spread = 1 } = options;
    this.name = name;
    this.shape = shape;
    this.kind = kind;
    this.role = role;
    this.fanIn = fanIn;
    this.fanOut = fanOut;
    this.closesBranch = closesBranch;
    this.start = start;
    this.spread = spread;
  }

  /** The values. Throws ConfigError while there are none. */
  get tensor(): Tensor {
    if (this.value === undefined) {
      throw new ConfigError(`parameter ${this.name} has no values yet`, [
        "initialize(module, { device, seed }) gives a module its first values",
      ]);
    }
    return this.value;
  }

  /** Puts another tensor in place; the old one stays alive. Throws ShapeError when the shape differs. */
  set tensor(t: Tensor) {
    assertTensor(`parameter ${this.name}`, "tensor", t);
    if (formatShape(t.shape) !== formatShape(this.shape)) {
      throw new ShapeError(`parameter ${this.name}: the tensor does not fit`, [
        `tensor   ${formatShape(t.shape)}   expected ${formatShape(this.shape)}`,
      ]);
    }
    this.value = t;
  }

  /** Whether the parameter has values. */
  get initialized(): boolean {
    return this.value !== undefined;
  }

  /** "Parameter conv_in.weight [3, 3, 1, 32] f32 on wasm". */
  toString(): string {
    const where = this.value === undefined ? "without values" : `${this.value.dtype} on ${this.value.device.name}`;
    return `Parameter ${this.name} ${formatShape(this.shape)} ${where}`;
  }

  /** What console.log shows. */
  [inspectSymbol](): string {
    return this.toString();
  }

  /** Frees the values, if any. */
  dispose(): void {
    this.value?.dispose();
    this.value = undefined;
  }
}
