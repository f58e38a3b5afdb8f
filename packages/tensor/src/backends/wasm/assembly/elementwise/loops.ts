import { storeLanes } from "../gemm/pack";

/*
 * The loops of the elementwise operations, each made for every operation: Op is one of the classes of generated/lanes.ts. Vectors
 * are taken in pairs, all loads before the stores, as V8's revectorizer needs it.
 */

/** y = op(x; p, q), n neighbours. What n lacks to a multiple of 8 is read and written in the arrays' padding. */
export function map<Op>(x: usize, y: usize, n: i32, p: v128, q: v128): void {
  while (n > 0) {
    const x0 = v128.load(x), x1 = v128.load(x, 16);
    const y0 = changetype<Op>(0).lane(x0, p, q), y1 = changetype<Op>(0).lane(x1, p, q);
    v128.store(y, y0);
    v128.store(y, y1, 16);
    x += 32;
    y += 32;
    n -= 8;
  }
}

/** y = op(a, b; p), n neighbours; a step is 16 bytes, or 0 where an operand is one number, four times in memory. */
export function zip<Op>(a: usize, stepA: usize, b: usize, stepB: usize, y: usize, n: i32, p: v128): void {
  if (stepA == 16 && stepB == 16) {
    while (n >= 8) {
      const a0 = v128.load(a), a1 = v128.load(a, 16), b0 = v128.load(b), b1 = v128.load(b, 16);
      const y0 = changetype<Op>(0).lane(a0, b0, p), y1 = changetype<Op>(0).lane(a1, b1, p);
      v128.store(y, y0);
      v128.store(y, y1, 16);
      a += 32;
      b += 32;
      y += 32;
      n -= 8;
    }
  }
  while (n >= 4) {
    v128.store(y, changetype<Op>(0).lane(v128.load(a), v128.load(b), p));
    a += stepA;
    b += stepB;
    y += 16;
    n -= 4;
  }
  if (n > 0) storeLanes(y, changetype<Op>(0).lane(v128.load(a), v128.load(b), p), n);
}
