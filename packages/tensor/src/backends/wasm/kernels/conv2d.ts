/**
 * Convolution and its two adjoints. Kernels of 3x3 with stride 1 go by Winograd's minimal filtering (Lavin and Gray 2015), F(4x4,
 * 3x3) when `fast` and F(2x2, 3x3) when `exact`; 1x1 with stride 1 is a matrix product; few channels on one side have kernels of
 * their own; all others are implicit matrix products.
 */
import { convOutput, type Conv2dAttrs, type KernelTable } from "../../../kernels/contract.js";
import type { Machine, Storage } from "../machine/machine.js";
import { gemm } from "./matmul.js";
import type { WeightCache } from "../machine/weight-cache.js";

export type Precision = "fast" | "exact";

/** Fewer channels do not pay for Winograd's transforms. */
const WINOGRAD_CHANNELS = 8;

/** So many channels are few. */
const FEW = 4;

function goesByWinograd({ kh, kw, stride, pad, cin, cout }: Conv2dAttrs): boolean {
  return kh === 3 && kw === 3 && stride === 1 && pad.every((side) => side <= 2) && Math.min(cin, cout) >= WINOGRAD_CHANNELS;
}

function isProduct({ kh, kw, stride, pad }: Conv2dAttrs): boolean {
  return kh === 1 && kw === 1 && stride === 1 && pad.every((side) => side === 0);
}

/** Addresses of the convolution kernels' arrays, 0 where unused; their roles differ from kernel to kernel. */
interface Arrays { x: number; weights: number; y: number; bias?: number; partials?: number }

/** The arguments of assembly/conv/conv-args.ts. */
function convArgs(machine: Machine, { x, weights, y, bias = 0, partials = 0 }: Arrays, attrs: Conv2dAttrs, tile: number): void {
  const { n, h, w, cin, cout, kh, kw, stride, pad: [top, , left] } = attrs;
  machine.args([x, weights, y, bias, partials, n, h, w, cin, ...convOutput(attrs), cout, kh, kw, stride, top, left, tile]);
}

/**
 * The convolution of stride 1 that carries dy to dx: weights turned by 180 degrees, channels exchanged, padding completed to
 * kernel - 1 on each side.
 */
function mirrored(attrs: Conv2dAttrs): Conv2dAttrs {
  const [h, w] = convOutput(attrs);
  const { kh, kw, pad: [top, bottom, left, right] } = attrs;
  return { ...attrs, h, w, cin: attrs.cout, cout: attrs.cin, pad: [kh - 1 - top, kh - 1 - bottom, kw - 1 - left, kw - 1 - right] };
}

/** How weights get their Winograd form: its size, and a function that writes it to an address. */
interface WeightTransform { bytes: number; transform(to: number): void }

/** The transform of weights for y, or with `gradInput` for the direction from dy to dx. */
function transformWeights(
  machine: Machine, weights: number, { cin, cout }: Conv2dAttrs, tile: number, gradInput: boolean,
): WeightTransform {
  const args = (to: number): void => machine.args([weights, to, cin, cout, tile, Number(gradInput)]);
  args(0);
  return {
    bytes: machine.ask("winogradWeightsBytes"),
    transform(to: number): void {
      args(to);
      machine.launchChunks("winogradWeights", true);
    },
  };
}

/** y = conv(x, w) + bias for weights in Winograd form. */
function winograd(machine: Machine, arrays: Arrays, attrs: Conv2dAttrs, tile: number): void {
  convArgs(machine, arrays, attrs, tile);
  machine.launchChunks("winogradConv", true);
}

/** Packs the weights by `pack`, then runs `kernel` with them. */
function packed(machine: Machine, pack: string, kernel: string, arrays: Arrays, attrs: Conv2dAttrs): void {
  convArgs(machine, { ...arrays, y: 0 }, attrs, 0);
  machine.scratch(machine.ask(`${pack}Bytes`), "packed weights", (weights) => {
    convArgs(machine, { ...arrays, y: weights }, attrs, 0);
    machine.launchChunks(pack);
    convArgs(machine, { ...arrays, weights }, attrs, 0);
    machine.launchChunks(kernel, true);
  });
}

/** y = conv(x, w) + bias where neither Winograd nor a plain product serves. */
function general(machine: Machine, arrays: Arrays, attrs: Conv2dAttrs): void {
  if (attrs.cin <= FEW) packed(machine, "convPackFewInputs", "convFewInputs", arrays, attrs);
  else if (attrs.cout <= FEW && attrs.stride === 1) packed(machine, "convPackFewOutputs", "convFewOutputs", arrays, attrs);
  else packed(machine, "convPackForward", "convForward", arrays, attrs);
}

/** Weights [kh, kw, cin, cout] to those of the mirrored convolution, [kh, kw, cout, cin]. */
function mirrorWeights(machine: Machine, from: number, to: number, { kh, kw, cin, cout }: Conv2dAttrs): void {
  machine.args([from, to, kh * kw, cin, cout]);
  machine.launch("mirrorWeights", kh * kw, kh * kw);
}

const weightBytes = ({ kh, kw, cin, cout }: Conv2dAttrs): number => kh * kw * cin * cout * 4;

/** Addresses of the arrays of a gradient of weights. */
interface GradArrays { x: number; dy: number; dw: number }

/** dw where Winograd does not serve; a convolution of few outputs is read backwards, as one of few inputs from dy to x. */
export function gradWeight(machine: Machine, arrays: GradArrays, attrs: Conv2dAttrs): void {
  const { x, dy, dw } = arrays;
  if (attrs.cin <= FEW) return gradWeightSums(machine, "convFewInputsGrad", arrays, attrs, 0);
  if (attrs.cout > FEW || attrs.stride > 1) return gradWeightSums(machine, "convGradWeight", arrays, attrs, 0);
  const back = mirrored(attrs);
  machine.scratch(weightBytes(attrs), "mirrored weights", (weights) => {
    gradWeightSums(machine, "convFewInputsGrad", { x: dy, dy: x, dw: weights }, back, 0);
    mirrorWeights(machine, weights, dw, back);
  });
}

/** dw by one of the kernels: partial sums over parts of the pixels, added up in order. */
function gradWeightSums(
  machine: Machine, kernel: "convFewInputsGrad" | "convGradWeight" | "winogradGradWeight", { x, dy, dw }: GradArrays,
  attrs: Conv2dAttrs, tile: number,
): void {
  const arrays = { x, weights: dw, y: dy };
  convArgs(machine, arrays, attrs, tile);
  const parts = machine.ask(`${kernel}Parts`);
  if (parts === 1) return machine.launchChunks(kernel, true);
  machine.scratch(parts * weightBytes(attrs), "partial sums of the weights' gradient", (partials) => {
    convArgs(machine, { ...arrays, partials }, attrs, tile);
    machine.launchChunks(kernel, true);
    machine.args([partials, dw, weightBytes(attrs) / 4, parts]);
    machine.launchChunks("sumPartials");
  });
}

type Names = "conv2d" | "conv2dBias" | "conv2dGradInput" | "conv2dGradWeight";

export function convolutions(
  machine: Machine, precision: Precision, cache: WeightCache,
): Required<Pick<KernelTable<Storage>, Names>> {
  const tile = precision === "fast" ? 4 : 2;

  function forward(y: Storage, x: Storage, w: Storage, bias: number, attrs: Conv2dAttrs): void {
    const { n, h, w: width, cin: k, cout } = attrs;
    if (isProduct(attrs)) {
      const matrices = { batch: 1, m: n * h * width, k, n: cout, transposeA: false, transposeB: false };
      return gemm(machine, { a: x.address, b: w.address, y: y.address, bias }, matrices);
    }
    const arrays = { x: x.address, weights: w.address, y: y.address, bias };
    if (!goesByWinograd(attrs)) return general(machine, arrays, attrs);
    const { bytes, transform } = transformWeights(machine, w.address, attrs, tile, false);
    cache.with(w, k, bytes, transform, (weights) => winograd(machine, { ...arrays, weights }, attrs, tile));
  }

  return {
    conv2d: (y, { x, w }, attrs) => forward(y, x, w, 0, attrs),
    conv2dBias: (y, { x, w, bias }, attrs) => forward(y, x, w, bias.address, attrs),

    conv2dGradInput(dx, { dy, w }, attrs) {
      const { n, h, w: width, cin, cout: k } = attrs;
      if (isProduct(attrs)) {
        const matrices = { batch: 1, m: n * h * width, k, n: cin, transposeA: false, transposeB: true };
        return gemm(machine, { a: dy.address, b: w.address, y: dx.address, bias: 0 }, matrices);
      }
      if (attrs.stride === 1 && Math.min(cin, k) <= FEW) {
        return machine.scratch(weightBytes(attrs), "mirrored weights", (weights) => {
          mirrorWeights(machine, w.address, weights, attrs);
          general(machine, { x: dy.address, weights, y: dx.address }, mirrored(attrs));
        });
      }
      if (!goesByWinograd(attrs)) {
        const arrays = { x: dx.address, weights: w.address, y: dy.address };
        return packed(machine, "convPackGradInput", "convGradInput", arrays, attrs);
      }
      const { bytes, transform } = transformWeights(machine, w.address, attrs, tile, true);
      machine.scratch(bytes, "transformed weights", (weights) => {
        transform(weights);
        winograd(machine, { x: dy.address, weights, y: dx.address }, mirrored(attrs), tile);
      });
    },

    conv2dGradWeight(dw, { x, dy }, attrs) {
      const arrays = { x: x.address, dy: dy.address, dw: dw.address };
      if (goesByWinograd(attrs)) gradWeightSums(machine, "winogradGradWeight", arrays, attrs, tile);
      else gradWeight(machine, arrays, attrs);
    },
  };
}
