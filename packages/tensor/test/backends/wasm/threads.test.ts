import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { openWasm } from "../../../src/backends/wasm/index.js";
import { conformanceErrors } from "../conformance.js";
import { largeCases, results } from "./large-cases.js";
import { wasmTolerance } from "./tolerance.js";

const bytes = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

describe("threads of the wasm device", function () {
  this.timeout(120_000);

  it("give the same bits whether they are 1, 2 or 3, and in every run", async () => {
    const [one, ...others] = await Promise.all([1, 2, 3].map((threads) => openWasm({ threads })));
    for (const attempt of largeCases) {
      const expected = await results(one, attempt);
      for (const backend of [one, ...others, others[1]]) {
        const found = await results(backend, attempt);
        const same = found.every((values, i) => Buffer.compare(bytes(values), bytes(expected[i])) === 0);
        expect(same, `${attempt[0]} ${JSON.stringify(attempt[1])}: ${backend.description}`).to.equal(true);
      }
    }
    await Promise.all([one, ...others].map((backend) => backend.dispose()));
  });

  it("compute what the reference computes where every kernel has several chunks", async () => {
    for (const precision of ["fast", "exact"] as const) {
      const backend = await openWasm({ threads: 2, precision });
      for (const [kernel, attrs] of largeCases) {
        for (const { tensor, error } of await conformanceErrors(backend, kernel, { dtype: "f32" }, [attrs])) {
          const allowed = wasmTolerance(precision)(kernel);
          expect(error, `${precision}: ${tensor} of ${kernel} ${JSON.stringify(attrs)}`).to.be.at.most(allowed);
        }
      }
      await backend.dispose();
    }
  });

  it("leave nothing allocated behind a kernel, and need no more memory the second time", async () => {
    const backend = await openWasm({ threads: 2 });
    for (const attempt of largeCases) await results(backend, attempt);
    const before = backend.memory();
    for (const attempt of largeCases) await results(backend, attempt);
    expect(backend.memory()).to.deep.equal(before);
    await backend.dispose();
  });

  it("do not keep the process alive, and end when the device is disposed", () => {
    const program = (end: string): string => `
      import { openDevice, ones, add } from "./src/index.ts";
      const device = await openDevice("wasm", { threads: 3 });
      const x = ones([40000], { device });
      process.stdout.write(String((await add(x, x).data())[39999]));
      ${end}`;
    for (const end of ["", "await device.dispose();"]) {
      const flags = ["--import", "tsx", "--conditions", "fromnoise-source", "--input-type=module"];
      const run = spawnSync(process.execPath, [...flags, "--eval", program(end)], {
        cwd: new URL("../../..", import.meta.url), encoding: "utf8", timeout: 60_000,
      });
      expect([run.status, run.stdout], run.stderr).to.deep.equal([0, "2"]);
    }
  });
});
