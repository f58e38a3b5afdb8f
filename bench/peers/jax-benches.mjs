/** What jax-js computes: every bench traced once by `jit`. Arrays are consumed by use: what is used again is passed as `.ref`. */
import { timeFeatures, unet } from "./unet.mjs";

export async function openOn(jax, version, { backend, inputs, parameters, batch }) {
  if (!(await jax.init(backend)).includes(backend)) throw new Error(`backend ${backend} is not there`);
  jax.defaultDevice(backend);
  const array = ({ values, shape }) => jax.numpy.array(values, { shape });
  return {
    description: `jax-js ${version}, ${backend}`,
    async open(bench, shape) {
      const { compute, free } = await ("config" in shape ? model : kernel)({ jax, array, inputs, parameters, batch }, bench, shape);
      return {
        async run() {
          const outputs = compute();
          await jax.blockUntilReady(outputs);
          jax.tree.dispose(outputs);
        },
        results: () => Promise.all(compute().map((output) => output.data())),
        dispose: free,
      };
    },
  };
}

const nchw = (np, x) => np.transpose(x, [0, 3, 1, 2]);
const nhwc = (np, x) => np.transpose(x, [0, 2, 3, 1]);

/** Images [N, C, H, W], kernels [kh, kw, Cin, Cout]. */
function conv({ lax, numpy: np }, x, w, stride, pad) {
  return lax.conv(x, np.transpose(w, [3, 2, 0, 1]), [stride, stride], pad);
}

/** Images [N, C, H, W]. */
function groupNorm({ numpy: np }, x, gamma, beta, groups, eps) {
  const [n, c, h, w] = x.shape;
  const grouped = np.reshape(x, [n, groups, -1]);
  const centred = grouped.ref.sub(np.mean(grouped, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  const normed = np.reshape(centred.div(np.sqrt(variance.add(eps))), [n, c, h, w]);
  return normed.mul(np.reshape(gamma, [1, c, 1, 1])).add(np.reshape(beta, [1, c, 1, 1]));
}

const same = (pad) => [[pad, pad], [pad, pad]];
const forwardConv = (jax, s) => (x, w) => conv(jax, x, w, s.stride, same(s.pad));
const normSilu = (jax, s) => (x, gamma, beta) => jax.nn.silu(groupNorm(jax, x, gamma, beta, s.groups, 1e-5));
/** The gradient of f at its arguments, along dy: that of sum(f dy). */
const gradient = ({ grad, numpy: np }, f, argnums) => (dy, ...args) => grad((...x) => np.sum(f(...x).mul(dy)), { argnums })(...args);

/** Kernels over images [N, C, H, W], in the order of the inputs; those with `images` give images back. */
const kernels = {
  "matmul": ({ numpy: np }) => (a, b) => [np.matmul(a, b)],
  "conv2d-forward": (jax, s) => (x, w) => [forwardConv(jax, s)(x, w)],
  "conv2d-grad-input": (jax, s) => (dy, w) =>
    gradient(jax, forwardConv(jax, s), [0])(dy, jax.numpy.zeros([s.n, s.cin, s.h, s.w]), w),
  "conv2d-grad-weight": (jax, s) => (dy, x) =>
    gradient(jax, forwardConv(jax, s), [1])(dy, x, jax.numpy.zeros([s.kh, s.kw, s.cin, s.cout])),
  "groupnorm-silu-forward": (jax, s) => (x, gamma, beta) => [normSilu(jax, s)(x, gamma, beta)],
  "groupnorm-silu-backward": (jax, s) => (x, gamma, beta, dy) => gradient(jax, normSilu(jax, s), [0, 1, 2])(dy, x, gamma, beta),
  "softmax": ({ nn }) => (x) => [nn.softmax(x)],
  "attention": ({ nn, numpy: np }, s) => (q, k, v) =>
    [np.matmul(nn.softmax(np.matmul(q, np.transpose(k, [0, 2, 1])).mul(s.d ** -0.5)), v)],
  "elementwise": () => (a, b) => [a.add(b)],
  "reduce": ({ numpy: np }) => (x) => [np.sum(x, 1)],
  "adam": ({ numpy: np }) => (p, g, m, v) => {
    const m1 = m.mul(0.9).add(g.ref.mul(0.1)), v1 = v.mul(0.999).add(np.square(g).mul(0.001));
    return [p.sub(m1.ref.div(0.1).mul(1e-3).div(np.sqrt(v1.ref.div(0.001)).add(1e-8))), m1, v1];
  },
};
const isImage = ({ shape }) => shape.length === 4;

function kernel({ jax, array, inputs }, bench, shape) {
  const { numpy: np, jit } = jax;
  const entries = Object.entries(inputs(bench, shape));
  let x = entries.map(([name, input]) => (isImage(input) && name !== "w" ? nchw(np, array(input)) : array(input)));
  const compiled = jit(kernels[bench](jax, shape));
  const outputsOf = () => compiled(...x.map((value) => value.ref));
  const free = () => {
    for (const value of x) value.dispose();
  };
  if (bench === "adam") {
    return {
      free, compute() {
        const [p, m, v] = outputsOf(), g = x[1].ref;
        free();
        x = [p.ref, g, m, v];
        return [p];
      },
    };
  }
  const kernelGradient = bench === "conv2d-grad-weight";
  return { free, compute: () => outputsOf().map((y) => (y.shape.length === 4 && !kernelGradient ? nhwc(np, y) : y)) };
}

/** Operations for the U-Net, images [N, C, H, W] inside. */
function operations(jax) {
  const { numpy: np, nn } = jax;
  return {
    conv: (x, w, b, stride, [top, bottom, left, right]) =>
      conv(jax, x.ref, w.ref, stride, [[top, bottom], [left, right]]).add(np.reshape(b.ref, [1, b.shape[0], 1, 1])),
    linear: (x, w, b) => np.matmul(x.ref, w.ref).add(b.ref),
    groupNorm: (x, gamma, beta, groups, eps) => groupNorm(jax, x.ref, gamma.ref, beta.ref, groups, eps),
    silu: (x) => nn.silu(x.ref),
    add: (a, b) => a.ref.add(b.ref),
    perImage: (x, t) => x.ref.add(np.reshape(t.ref, [...t.shape, 1, 1])),
    concat: (a, b) => np.concatenate([a.ref, b.ref], 1),
    upsample: (x) => np.repeat(np.repeat(x.ref, 2, 2), 2, 3),
    tokens: (x) => np.transpose(np.reshape(x.ref, [x.shape[0], x.shape[1], -1]), [0, 2, 1]),
    image: (t, like) => np.reshape(np.transpose(t.ref, [0, 2, 1]), like.shape),
    attention: (q, k, v, heads) => {
      const [n, l, c] = q.shape, d = c / heads;
      const split = (t) => np.transpose(np.reshape(t.ref, [n, l, heads, d]), [0, 2, 1, 3]);
      const weights = nn.softmax(np.matmul(split(q), np.transpose(split(k), [0, 1, 3, 2])).mul(d ** -0.5));
      return np.reshape(np.transpose(np.matmul(weights, split(v)), [0, 2, 1, 3]), [n, l, c]);
    },
  };
}

async function model({ jax, array, parameters, batch }, bench, shape) {
  if (bench !== "unet-forward") throw new Error(`no ${bench} here: on its wasm backend one forward pass takes half a minute`);
  const { numpy: np, jit } = jax;
  const named = await parameters(shape), { x, timesteps, shape: images } = batch(shape);
  const weights = named.map(array), input = nchw(np, array({ values: x, shape: images }));
  const [width] = shape.config.block_out_channels;
  const features = array({ values: timeFeatures(shape.config, timesteps), shape: [timesteps.length, width] });
  const at = new Map(named.map(({ name }, i) => [name, i]));
  const compiled = jit((image, time, ...p) => [unet(operations(jax), shape.config, (name) => p[at.get(name)], image, time)]);
  return {
    compute: () => compiled(input.ref, features.ref, ...weights.map((w) => w.ref)).map((y) => nhwc(np, y)),
    free: () => [input, features, ...weights].forEach((value) => value.dispose()),
  };
}
