import { storeLanes } from "../gemm/pack";
import { storePair } from "../variant";

/*
 * The loops of the elementwise operations, each made for every operation: Op is one of the classes of generated/lanes.ts. A turn
 * takes a whole cache line, with its loads before its stores and neighbours beside each other, as V8's revectorizer needs it.
 */

/** Bytes that a turn takes of each array, and the elements in them. */
@inline export const LINE: usize = 64;
@inline export const LINE_ELEMENTS: i32 = 16;

/** y = op(x; p, q), n neighbours. What n lacks to a multiple of 8 is read and written in the arrays' padding. */
export function map<Op>(x: usize, y: usize, n: i32, p: v128, q: v128): void {
  for (; n >= LINE_ELEMENTS; n -= LINE_ELEMENTS, x += LINE, y += LINE) {
    const x0 = v128.load(x), x1 = v128.load(x, 16), x2 = v128.load(x, 32), x3 = v128.load(x, 48);
    const y0 = changetype<Op>(0).lane(x0, p, q), y1 = changetype<Op>(0).lane(x1, p, q);
    const y2 = changetype<Op>(0).lane(x2, p, q), y3 = changetype<Op>(0).lane(x3, p, q);
    storePair(y, y0, y1);
    storePair(y, y2, y3, 32);
  }
  for (; n > 0; n -= 4, x += 16, y += 16) v128.store(y, changetype<Op>(0).lane(v128.load(x), p, q));
}

/** y = op(a, b; p), n neighbours; a step is LINE, or 0 where an operand is one number, LINE_ELEMENTS times in memory. */
export function zip<Op>(a: usize, stepA: usize, b: usize, stepB: usize, y: usize, n: i32, p: v128): void {
  for (; n >= LINE_ELEMENTS; n -= LINE_ELEMENTS, a += stepA, b += stepB, y += LINE) {
    const a0 = v128.load(a), a1 = v128.load(a, 16), a2 = v128.load(a, 32), a3 = v128.load(a, 48);
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
    const y0 = changetype<Op>(0).lane(a0, b0, p), y1 = changetype<Op>(0).lane(a1, b1, p);
    const y2 = changetype<Op>(0).lane(a2, b2, p), y3 = changetype<Op>(0).lane(a3, b3, p);
    storePair(y, y0, y1);
    storePair(y, y2, y3, 32);
  }
  for (; n >= 4; n -= 4, a += 16, b += 16, y += 16) v128.store(y, changetype<Op>(0).lane(v128.load(a), v128.load(b), p));
  if (n > 0) storeLanes(y, changetype<Op>(0).lane(v128.load(a), v128.load(b), p), n);
}
