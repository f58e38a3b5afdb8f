/** onnxruntime-node, forward passes: PyTorch exports the graph, ONNX Runtime runs it. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const python = process.env.PYTHON ?? (existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3");

/** Writes the graph of a bench. Throws with the exporter's last words. */
function exportGraph(bench, shape, file) {
  const script = fileURLToPath(new URL("torch/export.py", import.meta.url));
  try {
    execFileSync(python, [script, bench, JSON.stringify(shape), file], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    throw new Error(String(error.stderr ?? error.message).trim().split("\n").at(-1));
  }
}

/** [N, H, W, C] -> [N, C, H, W] */
function channelsFirst(values, [n, h, w, c]) {
  const y = new Float32Array(values.length);
  eachPixel(n, h * w, c, (first, last) => void (y[first] = values[last]));
  return y;
}

/** [N, C, H, W] -> [N, H, W, C] */
function channelsLast(values, [n, c, h, w]) {
  const y = new Float32Array(values.length);
  eachPixel(n, h * w, c, (first, last) => void (y[last] = values[first]));
  return y;
}

/** Calls visit(index in [N, C, P], index in [N, P, C]) for every value. */
function eachPixel(n, pixels, c, visit) {
  for (let i = 0; i < n; i++) {
    for (let p = 0; p < pixels; p++) for (let j = 0; j < c; j++) visit((i * c + j) * pixels + p, (i * pixels + p) * c + j);
  }
}

export async function open({ threads, inputs, batch }) {
  const ort = require("onnxruntime-node");
  const { version } = require("onnxruntime-node/package.json");
  const tensor = ({ values, shape }) => {
    const image = shape.length === 4;
    const [n, h, w, c] = shape;
    return new ort.Tensor("float32", image ? channelsFirst(values, shape) : values, image ? [n, c, h, w] : shape);
  };
  return {
    description: `onnxruntime-node ${version}, cpu`,
    async open(bench, shape) {
      const folder = mkdtempSync(join(tmpdir(), "fromnoise-onnx-"));
      try {
        const file = join(folder, "graph.onnx");
        exportGraph(bench, shape, file);
        const options = { intraOpNumThreads: threads, interOpNumThreads: 1, executionProviders: ["cpu"] };
        const session = await ort.InferenceSession.create(file, options);
        const arrays = "config" in shape ? { x: { values: batch(shape).x, shape: batch(shape).shape } } : inputs(bench, shape);
        const feeds = Object.fromEntries(session.inputNames.map((name) => [name, tensor(arrays[name])]));
        return {
          run: async () => void await session.run(feeds),
          results: async () => Object.values(await session.run(feeds))
            .map(({ data, dims }) => (dims.length === 4 ? channelsLast(data, dims) : data)),
          dispose: () => void session.release(),
        };
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}
