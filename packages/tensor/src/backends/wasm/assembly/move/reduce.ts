import { ARGMAX } from "../generated/codes";
import { reduceColumns, reduceRow } from "../generated/rows";
import { ceilDiv } from "../variant";

/** Elements of x in a part, and of what a chunk reduces: 64 KiB. */
@inline const PART: i32 = 16384;
/** Columns that argmax takes at a time. */
@inline const ARGMAX_COLUMNS: i32 = 64;

/**
 * y [outer, inner] from the middle axis of x [outer, axis, inner]. A long axis is cut into parts, fixed by the shape: y is then
 * [outer, parts, inner], to be reduced again. Places of largest numbers cannot be: argmax has one part.
 */
@unmanaged
export class Reduce {
  /** Place of the operation in `reduceOps`. */
  op: i32;
  x: usize;
  y: usize;
  outer: i32;
  axis: i32;
  inner: i32;
}

/** Elements of the axis in a part. */
@inline
function partSize(args: Reduce): i32 {
  return args.op == ARGMAX ? args.axis : min(args.axis, ceilDiv(PART, args.inner));
}

/** Number of parts of the axis. */
export function reduceParts(args: Reduce): i32 {
  return ceilDiv(args.axis, partSize(args));
}

/** Columns in a unit: what is reduced at once is one part of one block of columns of one o. */
@inline
function unitColumns(args: Reduce): i32 {
  return args.op == ARGMAX ? min(args.inner, ARGMAX_COLUMNS) : args.inner;
}

@inline
function units(args: Reduce): i32 {
  return args.outer * reduceParts(args) * ceilDiv(args.inner, unitColumns(args));
}

@inline
function chunkUnits(args: Reduce): i32 {
  return ceilDiv(PART, partSize(args) * unitColumns(args));
}

export function reduceChunks(args: Reduce): i32 {
  return ceilDiv(units(args), chunkUnits(args));
}

/** y = op over each part. */
export function reduce(args: Reduce, from: i32, to: i32, _workspace: usize): void {
  const op = args.op, inner = args.inner, size = partSize(args), parts = reduceParts(args), columns = unitColumns(args);
  const blocks = ceilDiv(inner, columns), end = min(to * chunkUnits(args), units(args));
  for (let unit = from * chunkUnits(args); unit < end; unit++) {
    const result = unit / blocks, column = unit % blocks * columns, first = result % parts * size;
    const count = min(size, args.axis - first);
    const x = args.x + (<usize>((result / parts * args.axis + first) * inner + column) << 2);
    const y = args.y + (<usize>(result * inner + column) << 2);
    if (inner == 1) reduceRow(op, x, y, count);
    else reduceColumns(op, x, y, count, min(columns, inner - column), <usize>inner << 2);
  }
}
