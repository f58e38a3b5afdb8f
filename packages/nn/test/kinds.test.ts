import { ConfigError } from "@fromnoise/tensor";
import { checkValue, flag, integer, list, number, numbers, object, oneOf, pair, text, type Kind } from "@fromnoise/nn/kinds";
import { expect } from "chai";

describe("a kind of value", () => {
  const kinds: [kind: Kind<unknown>, allowed: string, fits: unknown[], not: unknown[], parsed: [string, unknown][]][] = [
    [integer(), "whole numbers from 0", [0, 7], [-1, 0.5, "1", NaN, 2 ** 53], [["7", 7], ["", NaN], ["x", NaN]]],
    [integer({ from: 1, to: 3 }), "whole numbers from 1 to 3", [1, 3], [0, 4], []],
    [number(), "numbers", [0, -1.5], [NaN, Infinity, "1", null], [["1e-3", 1e-3], [" ", NaN]]],
    [number({ above: 0 }), "numbers > 0", [1e-9], [0], []],
    [number({ from: 0, note: "0 is off" }), "numbers >= 0; 0 is off", [0], [-1], []],
    [number({ from: 0, below: 1 }), "numbers from 0 to below 1", [0], [1], []],
    [number({ from: 0, to: 1 }), "numbers from 0 to 1", [0, 1], [1.1], []],
    [number({ above: 0, below: 1 }), "numbers between 0 and 1", [0.5], [0, 1], []],
    [number({ to: 5 }), "numbers <= 5", [5], [6], []],
    [flag, "true, false", [true, false], [0, "true"], [["true", true]]],
    [oneOf(["a", "b"]), "a, b", ["a"], ["c", 0], [["b", "b"], ["c", "c"]]],
    [oneOf([1, 3]), "1, 3", [1, 3], ["1", 2], [["3", 3], ["2", "2"]]],
    [text, "a non-empty string", ["a"], ["", 1], [["a", "a"]]],
    [
      list(oneOf(["a", "b"]), "a,b"), "a, b with commas between, such as a,b",
      [["a"], ["b", "a"]], [[], ["c"], "a"], [["a,c", ["a", "c"]]],
    ],
    [list(integer({ from: 1 })), "lists of whole numbers from 1", [[1], [3, 2]], [[], [0], 1, null], []],
    [numbers("8,16"), "numbers with commas between, such as 8,16", [[1, 2]], [["1"], 1], [["8,16", [8, 16]], ["8,x", [8, NaN]]]],
    [pair(integer()), "two whole numbers from 0", [[1, 2]], [[1], [1, 2, 3]], [["1,2", [1, 2]]]],
    [object(() => undefined), "an object", [{}], [null, [], 1], []],
  ];
  for (const [kind, allowed, fits, not, parsed] of kinds) {
    it(`says what it allows: ${allowed}`, () => {
      expect(kind.allowed).to.equal(allowed);
      for (const value of fits) expect(kind.fits(value), String(value)).to.equal(true);
      for (const value of not) expect(kind.fits(value), String(value)).to.equal(false);
      for (const [given, value] of parsed) expect(kind.parse!(given)).to.deep.equal(value);
      if (not.length === 0) return;
      expect(() => checkValue(kind, "it", not[0])).to.throw(ConfigError, `is not allowed\n  allowed  ${allowed}`);
    });
  }
});
