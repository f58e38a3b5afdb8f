/** What TensorFlow.js computes, on whichever backend. What a backend lacks is thrown by TensorFlow.js itself. */
import { timeFeatures, unet } from "./unet.mjs";

/** The engine over a library whose backends are registered; `sync` waits until what was called is done, if the calls do not. */
export async function openOn(tf, { backend, inputs, parameters, batch }, sync) {
  if (!await tf.setBackend(backend)) throw new Error(`backend ${backend} is not there`);
  await tf.ready();
  const tensor = ({ values, shape }) => tf.tensor(values, shape);
  const context = { tf, tensor, inputs, parameters, batch };
  return {
    description: `TensorFlow.js ${tf.version.tfjs}, ${tf.getBackend()}`,
    async open(bench, shape) {
      const { compute, inputs: held } = await (kernels[bench] ? kernel(context, bench, shape) : model(context, bench, shape));
      return {
        run: () => tf.dispose(compute()),
        sync,
        async results() {
          const outputs = compute();
          const values = [];
          for (const t of outputs) values.push(await t.data());
          tf.dispose(outputs);
          return values;
        },
        dispose() {
          tf.dispose(held);
          tf.disposeVariables();
        },
      };
    },
  };
}

/** GroupNorm and then SiLU, [N, H, W, C]. */
function groupNorm(tf, x, gamma, beta, groups, eps) {
  const [n, h, w, c] = x.shape;
  const grouped = tf.reshape(x, [n, h * w, groups, c / groups]);
  const { mean, variance } = tf.moments(grouped, [1, 3], true);
  const normed = tf.reshape(tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, eps))), [n, h, w, c]);
  return tf.add(tf.mul(normed, gamma), beta);
}
const silu = (tf, x) => tf.mul(x, tf.sigmoid(x));

const kernels = {
  "matmul": (tf, { a, b }) => [tf.matMul(a, b)],
  "conv2d-forward": (tf, { x, w }, s) => [tf.conv2d(x, w, s.stride, s.pad)],
  "conv2d-grad-input": (tf, { dy, w }, s) => [tf.conv2dTranspose(dy, w, [s.n, s.h, s.w, s.cin], s.stride, s.pad)],
  "conv2d-grad-weight": (tf, { dy, x }, s) =>
    [tf.grad((w) => tf.sum(tf.mul(tf.conv2d(x, w, s.stride, s.pad), dy)))(tf.zeros([s.kh, s.kw, s.cin, s.cout]))],
  "groupnorm-silu-forward": (tf, { x, gamma, beta }, s) => [silu(tf, groupNorm(tf, x, gamma, beta, s.groups, 1e-5))],
  "groupnorm-silu-backward": (tf, { x, gamma, beta, dy }, s) =>
    tf.grads((v, g, b) => silu(tf, groupNorm(tf, v, g, b, s.groups, 1e-5)))([x, gamma, beta], dy),
  "softmax": (tf, { x }) => [tf.softmax(x)],
  "attention": (tf, { q, k, v }, s) => [tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), s.d ** -0.5)), v)],
  "elementwise": (tf, { a, b }) => [tf.add(a, b)],
  "reduce": (tf, { x }) => [tf.sum(x, 1)],
};

function kernel({ tf, tensor, inputs }, bench, shape) {
  const x = Object.fromEntries(Object.entries(inputs(bench, shape)).map(([name, array]) => [name, tf.keep(tensor(array))]));
  return { inputs: x, compute: () => tf.tidy(() => kernels[bench](tf, x, shape)) };
}

const operations = (tf) => ({
  conv: (x, w, b, stride, [top, bottom, left, right]) =>
    tf.add(tf.conv2d(x, w, stride, [[0, 0], [top, bottom], [left, right], [0, 0]]), b),
  linear: (x, w, b) => {
    const flat = tf.reshape(x, [-1, x.shape.at(-1)]);
    return tf.reshape(tf.add(tf.matMul(flat, w), b), [...x.shape.slice(0, -1), w.shape[1]]);
  },
  groupNorm: (...args) => groupNorm(tf, ...args),
  silu: (x) => silu(tf, x),
  add: tf.add,
  perImage: (x, t) => tf.add(x, tf.reshape(t, [t.shape[0], 1, 1, t.shape[1]])),
  concat: (a, b) => tf.concat([a, b], 3),
  upsample: (x) => tf.image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]]),
  tokens: (x) => tf.reshape(x, [x.shape[0], -1, x.shape[3]]),
  image: (t, like) => tf.reshape(t, like.shape),
  attention: (q, k, v, heads) => {
    const [n, l, c] = q.shape, d = c / heads;
    const split = (t) => tf.transpose(tf.reshape(t, [n, l, heads, d]), [0, 2, 1, 3]);
    const weights = tf.softmax(tf.mul(tf.matMul(split(q), split(k), false, true), d ** -0.5));
    return tf.reshape(tf.transpose(tf.matMul(weights, split(v)), [0, 2, 1, 3]), [n, l, c]);
  },
});

/** The sum of scalars, a few at a time: WebGPU allows a kernel eight buffers, which addN does not heed. */
function total(tf, scalars) {
  if (scalars.length === 1) return scalars[0];
  const sums = [];
  for (let i = 0; i < scalars.length; i += 4) sums.push(tf.addN(scalars.slice(i, i + 4)));
  return total(tf, sums);
}

async function model({ tf, tensor, inputs, parameters, batch }, bench, shape) {
  if (bench === "sampler") throw new Error("no sampler here: its steps are those of unet-forward");
  if (bench === "adam") {
    const { p, g } = inputs(bench, shape);
    const variable = tf.variable(tensor(p)), gradient = tf.keep(tensor(g));
    const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8);
    return {
      inputs: gradient,
      compute() {
        optimizer.applyGradients({ [variable.name]: gradient });
        return [tf.clone(variable)];
      },
    };
  }
  const { x, target, timesteps, shape: images } = batch(shape);
  const variables = new Map((await parameters(shape)).map((p) => [p.name, tf.variable(tensor(p))]));
  const averages = [...variables.values()].map((v) => tf.variable(v.clone()));
  const [input, wanted] = [x, target].map((values) => tf.keep(tf.tensor(values, images)));
  const features = tf.keep(tf.tensor(timeFeatures(shape.config, timesteps), [timesteps.length, shape.config.block_out_channels[0]]));
  const forward = () => unet(operations(tf), shape.config, (name) => variables.get(name), input, features);
  const held = [input, wanted, features];
  if (bench === "unet-forward") return { inputs: held, compute: () => tf.tidy(() => [forward()]) };
  const optimizer = tf.train.adam(1e-4, 0.9, 0.999, 1e-8);
  const step = () => tf.tidy(() => {
    const { value, grads } = tf.variableGrads(() => tf.mean(tf.square(tf.sub(forward(), wanted))));
    const norm = tf.sqrt(total(tf, Object.values(grads).map((g) => tf.sum(tf.square(g)))));
    const factor = tf.minimum(1, tf.div(1, tf.add(norm, 1e-6)));
    optimizer.applyGradients(Object.fromEntries(Object.entries(grads).map(([name, g]) => [name, tf.mul(g, factor)])));
    [...variables.values()].forEach((v, i) => averages[i].assign(tf.add(tf.mul(averages[i], 0.995), tf.mul(v, 0.005))));
    return [value, norm];
  });
  let checked = false;
  const compute = () => {
    const first = step();
    if (checked) return first;
    checked = true;
    return [...first, ...step()]; // what is checked: loss and norm of two steps
  };
  return { inputs: held, compute };
}
