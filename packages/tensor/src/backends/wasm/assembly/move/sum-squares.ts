import { findPiece, Piece, placeWithin } from "../lists";
import { sumOf } from "./sums";
import { ceilDiv } from "../variant";

/** Elements in a chunk: 64 KiB. */
@inline const CHUNK: i32 = 16384;

/** An array whose squares are added. */
@unmanaged
export class SquaresTensor extends Piece {
  x: usize;
}

/** y = the sum of x^2 over all tensors of a list: a sum in f64 for each chunk, then their sum in order. */
@unmanaged
export class SumSquares {
  /** `count` rows SquaresTensor. */
  list: usize;
  count: i32;
  /** Elements of all tensors. */
  total: i32;
  /** The sums of the chunks, `sumSquaresBytes` bytes. */
  partials: usize = 0;
  y: usize;
}

/** Bytes of the sums of the chunks. */
export function sumSquaresBytes(args: SumSquares): f64 {
  return <f64>sumSquaresChunks(args) * 8;
}

export function sumSquaresChunks(args: SumSquares): i32 {
  return ceilDiv(args.total, CHUNK);
}

/** The sums of the chunks. */
export function sumSquares(args: SumSquares, from: i32, to: i32, _workspace: usize): void {
  const size = offsetof<SquaresTensor>();
  for (let chunk = from; chunk < to; chunk++) {
    const first = chunk * CHUNK, end = min(first + CHUNK, args.total);
    let sum: f64 = 0;
    for (let at = findPiece(args.list, args.count, size, first);; at += size) {
      const row = changetype<SquaresTensor>(at), start = placeWithin(row, first);
      sum += sumOf(true, row.x + (<usize>start << 2), placeWithin(row, end) - start);
      if (row.first + row.n >= end) break;
    }
    f64.store(args.partials + (<usize>chunk << 3), sum);
  }
}

export function sumSquaresTotalChunks(_args: SumSquares): i32 {
  return 1;
}

/** y = the sum of the chunks' sums. */
export function sumSquaresTotal(args: SumSquares, _from: i32, _to: i32, _workspace: usize): void {
  let sum: f64 = 0;
  for (let chunk = 0; chunk < sumSquaresChunks(args); chunk++) sum += f64.load(args.partials + (<usize>chunk << 3));
  f32.store(args.y, <f32>sum);
}
