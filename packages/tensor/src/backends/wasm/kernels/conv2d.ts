/**
 * Convolution and its two adjoints. Kernels of 3x3 with stride 1 go by Winograd's minimal filtering (Lavin and Gray 2015), F(4x4,
 * 3x3) when `fast` and F(2x2, 3x3) when `exact`; few channels on one side have kernels of their own; all others are implicit matrix
 * products.
 */
import { convOutput, type Conv2dAttrs, type KernelTable } from "../../../kernels/contract.js";
import type { ConvBinding } from "../generated/bindings.js";
import type { Machine, Storage } from "../machine/machine.js";
import type { WeightCache } from "../machine/weight-cache.js";
import { reduceAxis } from "./reduce.js";

export type Precision = "fast" | "exact";

/** Fewer channels do not pay for Winograd's transforms. */
const WINOGRAD_CHANNELS = 8;

/** So many channels are few. */
const FEW = 4;

function goesByWinograd({ kh, kw, stride, pad, cin, cout }: Conv2dAttrs): boolean {
  return kh === 3 && kw === 3 && stride === 1 && pad.every((side) => side <= 2) && Math.min(cin, cout) >= WINOGRAD_CHANNELS;
}

/** Addresses of the convolution kernels' arrays; their roles differ from kernel to kernel. */
interface Arrays { readonly x: number; readonly weights: number; readonly y: number; readonly bias: number }

/** The arguments of a convolution's kernels; `tile` is 0 where none goes by Winograd. */
function bindConv(machine: Machine, { x, weights, y, bias }: Arrays, attrs: Conv2dAttrs, tile: number): ConvBinding {
  const { n, h, w, cin, cout, kh, kw, stride, pad } = attrs, [oh, ow] = convOutput(attrs);
  return machine.bind.Conv({
    x, weights, y, bias, n, h, w, cin, oh, ow, cout, kh, kw, stride, padTop: pad[0], padLeft: pad[2], tile,
  });
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

const weightSize = ({ kh, kw, cin, cout }: Conv2dAttrs): number => kh * kw * cin * cout;

export function convolutions(
  machine: Machine, precision: Precision, cache: WeightCache,
): Required<Pick<KernelTable<Storage>, "conv2d" | "conv2dBias" | "conv2dGradInput" | "conv2dGradWeight" | "conv2dGrad">> {
  const tile = precision === "fast" ? 4 : 2;
  const { bind } = machine;

  function forward(y: Storage, x: Storage, w: Storage, bias: number, attrs: Conv2dAttrs): void {
    const arrays = { x: x.address, weights: w.address, y: y.address, bias };
    if (!goesByWinograd(attrs)) return general(machine, arrays, attrs);
    const { cin, cout } = attrs;
    const weights = bind.WinogradWeights({ weights: w.address, cin, cout, tile, gradInput: false });
    cache.with(w, cin, weights.bytes(), (transformed) => {
      weights.set({ transformed });
      weights.run("winogradWeights");
    }, (packed) => winograd(arrays, packed, attrs));
  }

  /** y = conv(x, w) + bias for weights in Winograd form. */
  function winograd(arrays: Arrays, packed: number, attrs: Conv2dAttrs): void {
    const conv = bindConv(machine, arrays, attrs, tile);
    conv.set({ packed });
    conv.run("winogradConv");
  }

  function inputGradient(dx: Storage, dy: Storage, w: Storage, attrs: Conv2dAttrs): void {
    const { cin, cout } = attrs;
    if (attrs.stride === 1 && Math.min(cin, cout) <= FEW) {
      return machine.scratch(weightSize(attrs) * 4, "mirrored weights", (weights) => {
        mirrorWeights(machine, w.address, weights, attrs);
        general(machine, { x: dy.address, weights, y: dx.address, bias: 0 }, mirrored(attrs));
      });
    }
    if (!goesByWinograd(attrs)) return gradInput(machine, { x: dx.address, weights: w.address, y: dy.address, bias: 0 }, attrs);
    const weights = bind.WinogradWeights({ weights: w.address, cin, cout, tile, gradInput: true });
    machine.scratch(weights.bytes(), "transformed weights", (transformed) => {
      weights.set({ transformed });
      weights.run("winogradWeights");
      winograd({ x: dy.address, weights: 0, y: dx.address, bias: 0 }, transformed, mirrored(attrs));
    });
  }

  function weightGradient(dw: Storage, x: Storage, dy: Storage, attrs: Conv2dAttrs): void {
    const arrays = { x: x.address, dy: dy.address, dw: dw.address };
    if (goesByWinograd(attrs)) gradWeightSums(machine, "winogradGradWeight", arrays, attrs, tile);
    else gradWeight(machine, arrays, attrs);
  }

  return {
    conv2d: ({ y }, { x, w }, attrs) => forward(y, x, w, 0, attrs),
    conv2dBias: ({ y }, { x, w, bias }, attrs) => forward(y, x, w, bias.address, attrs),

    conv2dGradInput: ({ dx }, { dy, w }, attrs) => inputGradient(dx, dy, w, attrs),
    conv2dGradWeight: ({ dw }, { x, dy }, attrs) => weightGradient(dw, x, dy, attrs),
    conv2dGrad({ dx, dw, db }, { dy, x, w }, attrs) {
      inputGradient(dx, dy, w, attrs);
      weightGradient(dw, x, dy, attrs);
      const [oh, ow] = convOutput(attrs);
      reduceAxis(machine, "sum", db.address, dy.address, 1, attrs.n * oh * ow, attrs.cout);
    },
  };
}

/** y = conv(x, w) + bias where Winograd does not serve. */
function general(machine: Machine, arrays: Arrays, attrs: Conv2dAttrs): void {
  const conv = bindConv(machine, arrays, attrs, 0);
  const purpose = "a convolution's weights in panels";
  if (attrs.cin <= FEW) {
    machine.scratch(conv.packFewInputsBytes(), purpose, (packed) => {
      conv.set({ packed });
      conv.run("convPackFewInputs");
      conv.run("convFewInputs");
    });
  } else if (attrs.cout <= FEW && attrs.stride === 1) {
    machine.scratch(conv.packFewOutputsBytes(), purpose, (packed) => {
      conv.set({ packed });
      conv.run("convPackFewOutputs");
      conv.run("convFewOutputs");
    });
  } else {
    machine.scratch(conv.packForwardBytes(), purpose, (packed) => {
      conv.set({ packed });
      conv.run("convPackForward");
      conv.run("convForward");
    });
  }
}

/** dx (x) from dy (y) for any kernel and stride. */
function gradInput(machine: Machine, arrays: Arrays, attrs: Conv2dAttrs): void {
  const conv = bindConv(machine, arrays, attrs, 0);
  machine.scratch(conv.packGradInputBytes(), "a convolution's weights in panels", (packed) => {
    conv.set({ packed });
    conv.run("convPackGradInput");
    conv.run("convGradInput");
  });
}

/** Weights [kh, kw, cin, cout] to those of the mirrored convolution, [kh, kw, cout, cin]. */
function mirrorWeights(machine: Machine, weights: number, to: number, { kh, kw, cin, cout }: Conv2dAttrs): void {
  machine.bind.Mirror({ weights, mirrored: to, taps: kh * kw, cin, cout }).run("mirrorWeights");
}

/** Addresses of the arrays of a gradient of weights. */
interface GradArrays { x: number; dy: number; dw: number }

/** dw where Winograd does not serve; a convolution of few outputs is read backwards, as one of few inputs from dy to x. */
export function gradWeight(machine: Machine, arrays: GradArrays, attrs: Conv2dAttrs): void {
  const { x, dy, dw } = arrays;
  if (attrs.cin <= FEW) return gradWeightSums(machine, "convFewInputsGrad", arrays, attrs, 0);
  if (attrs.cout > FEW || attrs.stride > 1) return gradWeightSums(machine, "convGradWeight", arrays, attrs, 0);
  const back = mirrored(attrs);
  machine.scratch(weightSize(attrs) * 4, "mirrored weights", (weights) => {
    gradWeightSums(machine, "convFewInputsGrad", { x: dy, dy: x, dw: weights }, back, 0);
    mirrorWeights(machine, weights, dw, back);
  });
}

/** dw by one of the kernels: partial sums over parts of the pixels, added up in order. */
function gradWeightSums(
  machine: Machine, kernel: "convFewInputsGrad" | "convGradWeight" | "winogradGradWeight", { x, dy, dw }: GradArrays,
  attrs: Conv2dAttrs, tile: number,
): void {
  const conv = bindConv(machine, { x, weights: dw, y: dy, bias: 0 }, attrs, tile);
  const parts = kernel === "convFewInputsGrad" ? conv.fewInputsGradParts()
    : kernel === "convGradWeight" ? conv.gradWeightParts() : conv.winogradGradWeightParts();
  if (parts === 1) return conv.run(kernel);
  const count = weightSize(attrs);
  machine.scratch(parts * count * 4, "partial sums of the weights' gradient", (partials) => {
    conv.set({ partials });
    conv.run(kernel);
    machine.bind.Partials({ partials, sum: dw, count, parts }).run("sumPartials");
  });
}
