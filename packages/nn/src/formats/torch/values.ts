/** The numbers of tensors out of the bytes of their storage. Little-endian, as every engine's typed arrays. */
import { CheckpointError } from "@fromnoise/tensor";
import { bf16ToF32, f16ToF32 } from "../half.js";
import { ELEMENT_BYTES, type TorchDtype, type TorchTensor } from "./tensors.js";

/** Bits of elements, as many bytes each as the dtype has. */
type Elements = Float32Array | Float64Array | Uint16Array | BigInt64Array | Int32Array | Int16Array | Int8Array | Uint8Array;

interface Reading {
  elements(buffer: ArrayBuffer): Elements;
  numbers(elements: never): Float32Array | Float64Array;
}

const reading = <E extends Elements>(elements: (buffer: ArrayBuffer) => E, numbers: (elements: E) => Float32Array | Float64Array): Reading =>
  ({ elements, numbers });

/** f16 and bf16 are widened to f32 without loss; whole numbers become f64. */
const readings: Readonly<Record<TorchDtype, Reading>> = {
  float32: reading((buffer) => new Float32Array(buffer), (x) => x),
  float64: reading((buffer) => new Float64Array(buffer), (x) => x),
  float16: reading((buffer) => new Uint16Array(buffer), f16ToF32),
  bfloat16: reading((buffer) => new Uint16Array(buffer), bf16ToF32),
  int64: reading((buffer) => new BigInt64Array(buffer), (x) => Float64Array.from(x, Number)),
  int32: reading((buffer) => new Int32Array(buffer), (x) => Float64Array.from(x)),
  int16: reading((buffer) => new Int16Array(buffer), (x) => Float64Array.from(x)),
  int8: reading((buffer) => new Int8Array(buffer), (x) => Float64Array.from(x)),
  uint8: reading((buffer) => new Uint8Array(buffer), (x) => Float64Array.from(x)),
  bool: reading((buffer) => new Uint8Array(buffer), (x) => Float64Array.from(x, (byte) => Number(byte !== 0))),
};

/** Whether the values of a dtype are floating-point numbers: weights are, counters are not. */
export function isFloating(dtype: TorchDtype): boolean {
  return dtype === "float32" || dtype === "float64" || dtype === "float16" || dtype === "bfloat16";
}

/**
 * The values of a tensor in C order, from the bytes of its span. Throws CheckpointError for a whole number beyond 2^53.
 */
export function valuesOf(tensor: TorchTensor, bytes: Uint8Array, source: string): Float32Array | Float64Array {
  const { elements, numbers } = readings[tensor.dtype];
  const held = elements(new Uint8Array(bytes).buffer);                        // a copy of its own: typed arrays need aligned offsets
  const values = numbers(gathered(tensor, held) as never);
  if (tensor.dtype === "int64" && values.some((value) => !Number.isSafeInteger(value))) {
    throw new CheckpointError(`${source}: a whole number beyond 2^53 is not read`);
  }
  return values;
}

/** How many bytes the values take here. */
export function bytesHere({ dtype, size }: TorchTensor): number {
  return size * (isFloating(dtype) && dtype !== "float64" ? 4 : 8);
}

/** The bytes of a tensor's span within its storage. */
export function spanOf({ dtype, offset, span }: TorchTensor): { begin: number; length: number } {
  return { begin: offset * ELEMENT_BYTES[dtype], length: span * ELEMENT_BYTES[dtype] };
}

/** Elements in C order; where they lie so already, as they are. */
function gathered({ shape, strides, size, span }: TorchTensor, held: Elements): Elements {
  const axes = shape.map((side, axis) => ({ side, stride: strides[axis]! })).filter(({ side }) => side !== 1);
  let step = 1;
  const inOrder = [...axes].reverse().every(({ side, stride }) => {
    const fits = stride === step;
    step *= side;
    return fits;
  });
  if (size === 0 || (inOrder && size === span)) return held;
  const out = new (held.constructor as new (length: number) => Elements)(size);
  const index = axes.map(() => 0);
  const last = axes.at(-1) ?? { side: 1, stride: 0 };
  for (let at = 0, base = 0; at < size;) {
    for (let i = 0; i < last.side; i++) out[at++] = held[base + i * last.stride]!;
    for (let axis = axes.length - 2; axis >= 0; axis--) {
      base += axes[axis]!.stride;
      if (++index[axis]! < axes[axis]!.side) break;
      base -= axes[axis]!.side * axes[axis]!.stride;
      index[axis] = 0;
    }
  }
  return out;
}
