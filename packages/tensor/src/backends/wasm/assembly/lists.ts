/*
 * Kernels over lists of tensors: one after the other, the tensors are one long row of elements, cut into chunks by `grain`. Rows
 * of the list are classes of this shape; the elements of a tensor that a chunk takes begin and end at multiples of 8, so that
 * vectors of one chunk never reach into another's.
 */

/** What every row of a list begins with. */
@unmanaged
export class Piece {
  /** Elements of all tensors before this one. */
  first: i32;
  n: i32;
}

/** The row of `size` bytes that holds element `at` of all. */
export function findPiece(list: usize, count: i32, size: usize, at: i32): usize {
  let low = 0, high = count;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (changetype<Piece>(list + <usize>middle * size).first <= at) low = middle;
    else high = middle;
  }
  return list + <usize>low * size;
}

/** Where element `at` of all lies within a tensor, held to its range and rounded up to a multiple of 8. */
@inline
export function placeWithin(piece: Piece, at: i32): i32 {
  return max(0, min(piece.n, (at - piece.first + 7) & ~7));
}
