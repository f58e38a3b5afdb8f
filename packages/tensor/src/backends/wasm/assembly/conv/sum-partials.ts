import { ceilDiv } from "../variant";
import { storeLanes } from "../gemm/pack";

/** Floats in a chunk of `sumPartials`. */
@inline const CHUNK: i32 = 8192;

/** Arguments of `sumPartials`. */
@unmanaged
export class Partials {
  /** Partial sums [parts, count]. */
  partials: usize;
  /** Their sum [count]. */
  sum: usize;
  count: i32;
  parts: i32;
}

/** Chunks of `sumPartials`. */
export function sumPartialsChunks(p: Partials): i32 {
  return ceilDiv(p.count, CHUNK);
}

/** sum = partials[0] + partials[1] + ..., in this order. */
export function sumPartials(p: Partials, from: i32, to: i32, _workspace: usize): void {
  const end = min(to * CHUNK, p.count);
  for (let i = from * CHUNK; i < end; i += 4) {
    let at = p.partials + (<usize>i << 2);
    let v = v128.load(at);
    for (let part = 1; part < p.parts; part++) {
      at += <usize>p.count << 2;
      v = f32x4.add(v, v128.load(at));
    }
    storeLanes(p.sum + (<usize>i << 2), v, min(4, end - i));
  }
}
