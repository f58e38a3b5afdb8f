import { runInNewContext } from "node:vm";
import { expect } from "chai";
import { javascript, type KernelSource } from "../../src/backends/gpu/notation/source.js";
import { foldedAt, foldedPlace, foldedSpace, line, matrix, quads } from "../../src/backends/gpu/engine/space.js";

const source = (body: string, more: Partial<KernelSource> = {}): KernelSource =>
  ({ inputs: ["x", "w"], scalars: [], sizes: [], constants: {}, output: matrix(2, 8), lanes: 1, body, ...more });

describe("the notation of gpu kernels", () => {
  it("becomes JavaScript over rows and columns, or over a line", () => {
    expect(javascript(source("return x[row, col] + exp(w[0, col]);"), "linear")).to.equal(
      "function (x, w) {\n  let row = 0; row++; row = this.thread.y;\n  let col = 0; col++; col = this.thread.x;\n" +
      "return x[row][col] + Math.exp(w[0][col]);\n}");
    expect(javascript(source("return v * x[index];", { inputs: ["x"], scalars: ["v"], output: line(5) }), "linear"))
      .to.equal("function (x, v) {\nreturn v * x[this.thread.x];\n}");
  });

  it("puts textures under the sizes [cols, 1, rows]", () => {
    const text = javascript(source("return x[row, col];"), "texture");
    expect(text).to.contain("let row = this.thread.z;").and.contain("return x[row][0][col];");
    expect(javascript(source("return x[index];", { output: line(5) }), "texture")).to.contain("return x[0][0][this.thread.x];");
  });

  it("replaces constants by their values, whole words only, and divides whole numbers with a look at the remainder", () => {
    const text = javascript(source("for (let c = 0; c < cin; c++) { sum += x[div(row, h * cin), c + cin2]; }", { constants: { h: 3, cin: 4 } }), "linear");
    expect(text).to.contain("for (let c = 0; c < 4; c++) { sum += x[(Math.floor((row) / (3 * 4)) + Math.floor((row - Math.floor((row) / (3 * 4)) * (3 * 4) + 0.5) / (3 * 4)))][c + cin2]; }");
  });

  it("takes sizes as arguments, after the scalars, and makes integers of them where a mode has them", () => {
    const more = { inputs: ["x"], scalars: ["v"], sizes: ["n", "cin"], output: line(5) };
    expect(javascript(source("return v * x[index * cin + n];", more), "linear")).to.equal(
      "function (x, v, nSize, cinSize) {\n  let n = 0; n++; n = nSize;\n  let cin = 0; cin++; cin = cinSize;\n" +
      "return v * x[this.thread.x * cin + n];\n}");
    expect(javascript(source("return v * x[index * cin + n];", more), "texture")).to.contain("let n = nSize;\n  let cin = cinSize;");
  });

  it("translates brackets within brackets", () => {
    expect(javascript(source("return x[w[row, 0], exp(max(col, 2))];"), "linear"))
      .to.contain("return x[w[row][0]][Math.exp(Math.max(col, 2))];");
    const nested = javascript(source("return div(div(index, 2), 3);", { output: line(5) }), "linear");
    for (let i = 0; i < 40; i++) {
      expect(runInNewContext(`(${nested}).call({ thread: { x: ${i} } })`), `i = ${i}`).to.equal(Math.floor(Math.floor(i / 2) / 3));
    }
    expect(() => javascript(source("return x[row, col;"), "linear")).to.throw("a bracket is not closed");
  });

  it("takes no variable under the name of an input, a scalar, a size or a place, in any mode", () => {
    const more = { inputs: ["x"], scalars: ["eps"] };
    const dynamic = { ...more, sizes: ["n"], constants: {} };
    const specialised = { ...more, sizes: [], constants: { n: 5 } };
    for (const indexing of ["linear", "texture"] as const) {
      for (const sizes of [dynamic, specialised]) {
        for (const [name, declaration] of [
          ["n", "let n = 0;"], ["n", "int n = div(row, 2);"], ["x", "for (let x = 0; x < 3; x++) { }"], ["eps", "const eps = 1;"],
          ["col", "const col = 1;"], ["x", "quad x = w[row];"],
        ]) {
          expect(() => javascript(source(`${declaration}\nreturn 1;`, sizes), indexing), declaration)
            .to.throw(`the variable ${name} has the name of an input, a scalar, a size or a place`);
        }
        expect(() => javascript(source("const size = n;\nlet n2 = size;\nreturn n2;", sizes), indexing)).to.not.throw();
      }
    }
    const lane = source("let n$ = 0;\nreturn [n$];", { constants: { n1: 5 }, lanes: 2 });
    expect(() => javascript(lane, "linear"), "the second of two lanes").to.throw("the variable n1 has the name");
  });

  it("declares integers where a mode has them", () => {
    const body = "int at = row * 3; at += 2;";
    expect(javascript(source(body), "linear")).to.contain("let at = 0; at++; at = row * 3; at += 2;");
    expect(javascript(source(body), "texture")).to.contain("let at = row * 3; at += 2;");
  });

  it("loads quads: of a texture at once, elsewhere those of their numbers that are used", () => {
    const body = "quad a = x[at + w[0]];\nreturn a.x * a.w + x[at, k];";
    const more = { quads: ["x"], constants: { w0: 5 }, output: quads(2, 8) };
    expect(javascript(source(body, more), "linear")).to.contain(
      "const a_x = x[4 * (at + w[0]) + 0]; const a_w = x[4 * (at + w[0]) + 3];\nreturn a_x * a_w + x[4 * (at) + k];");
    expect(javascript(source(body, more), "texture")).to.contain(
      "const a = x[0][0][at + w[0][0][0]];\nreturn a[0] * a[3] + component(x[0][0][at], k);");
  });

  it("repeats lines with a $ for each column of a thread", () => {
    const body = "let sum$ = 0;\nconst v = x[row, 0];\nsum$ += v * w[0, col$];\nreturn [sum$];";
    expect(javascript(source(body), "linear")).to.contain("let sum0 = 0;\nconst v = x[row][0];\nsum0 += v * w[0][col];\nreturn sum0;");
    expect(javascript(source(body, { lanes: 2 }), "linear")).to.contain(
      "let sum0 = 0;\nlet sum1 = 0;\nconst v = x[row][0];\nsum0 += v * w[0][(col * 2 + 0)];\nsum1 += v * w[0][(col * 2 + 1)];\nreturn [sum0, sum1];");
  });
});

describe("spaces of [outer, axis, inner]", () => {
  it("are lines, [outer, axis] or [outer axis, inner], with indices to match", () => {
    expect(foldedSpace([1, 7, 1])).to.deep.equal([7]);
    expect(foldedSpace([3, 7, 1])).to.deep.equal([3, 7]);
    expect(foldedSpace([3, 7, 5])).to.deep.equal([21, 5]);
    expect(foldedSpace([1, 2 ** 24 + 1, 1]), "too long for exact addresses in a line").to.deep.equal([1, 2 ** 24 + 1]);
    expect(foldedAt([1, 7, 1], "axis", "o", "j", "i")).to.equal("j");
    expect(foldedAt([3, 7, 1], "axis", "o", "j", "i")).to.equal("o, j");
    expect(foldedAt([3, 7, 5], "axis", "o", "j", "i")).to.equal("(o) * axis + j, i");
    expect(foldedPlace([3, 7, 5], "axis")).to.equal("const o = div(row, axis); const j = row - o * axis; const i = col;");
  });
});
