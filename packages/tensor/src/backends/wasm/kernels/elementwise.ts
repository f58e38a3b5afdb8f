/** Elementwise kernels: each output element depends on one element of every input. */
import { binaryOps, unaryOps, type KernelTable, type Triple } from "../../../kernels/contract.js";
import type { Machine, Storage } from "../machine/machine.js";
import { codesOf } from "./codes.js";

const unaryCodes = codesOf(unaryOps);
const binaryCodes = codesOf(binaryOps);

export function elementwise({ bind }: Machine): Pick<KernelTable<Storage>, "full" | "unary" | "binary" | "where"> {
  return {
    full: ({ y }, _inputs, { n }, { value }) => bind.Full({ y: y.address, n, value }).run("full"),

    unary: ({ y }, { x }, { n, op }, { p, q }) =>
      bind.Unary({ op: unaryCodes[op], x: x.address, y: y.address, n, p, q }).run("unary"),

    binary({ y }, { a, b }, { op, size: [outer, axis, inner], a: sizeA, b: sizeB }, { p }) {
      const [aOuter, aAxis, aInner] = strides(sizeA), [bOuter, bAxis, bInner] = strides(sizeB);
      bind.Binary({
        op: binaryCodes[op], a: a.address, b: b.address, y: y.address,
        outer, axis, inner, aOuter, aAxis, aInner, bOuter, bAxis, bInner, p,
      }).run("binary");
    },

    where: ({ y }, { condition, a, b }, { n }) =>
      bind.Where({ condition: condition.address, a: a.address, b: b.address, y: y.address, n }).run("where"),
  };
}

/** Strides in floats, 0 where an axis of size 1 is repeated. */
function strides([outer, axis, inner]: Triple): Triple {
  return [outer === 1 ? 0 : axis * inner, axis === 1 ? 0 : inner, inner === 1 ? 0 : 1];
}
