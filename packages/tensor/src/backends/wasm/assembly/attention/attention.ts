import { panelCount } from "../gemm/pack";
import { TILE_COLUMNS, ceilDiv } from "../variant";
import {
  Attention, KEYS, PER_QUERY, QUERIES, copyIn, copyKeys, headAt, keyRounds, keyRows, matrixBytes, matrixBytesWide, tensorRow, transposeOut,
  transposeToPanels,
} from "./attention-args";
import { exponentials, fill, invert, maxima, noMaxima, scaleColumns } from "./columns";
import { scoresOf, sumOverKeys } from "./products";

/** Queries of a chunk: they share what is copied of the keys and values. */
@inline const CHUNK: i32 = 256;

/** Chunks: parts of the queries of each head. */
export function attentionChunks(args: Attention): i32 {
  return args.n * args.heads * ceilDiv(args.l, CHUNK);
}

/** Bytes of workspace: the queries, as a matrix and in panels, KEYS keys and values, scores, y transposed, numbers of queries. */
export function attentionWorkspace(args: Attention): f64 {
  return 2 * matrixBytesWide(QUERIES, args.d) + 2 * matrixBytesWide(keyRows(args.s), args.d)
    + matrixBytesWide(keyRows(args.s), QUERIES) + matrixBytesWide(args.d + 3, QUERIES) + 4 * PER_QUERY;
}

/**
 * y = softmax(scale q k^T) v for each head. KEYS keys at a time; where there are more, what was summed so far is multiplied by
 * e^(old maximum - new maximum) whenever the maximum grows (Milakov and Gimelshein 2018, Dao et al. 2022).
 */
export function attention(args: Attention, from: i32, to: i32, workspace: usize): void {
  const parts = ceilDiv(args.l, CHUNK);
  for (let chunk = from; chunk < to; chunk++) {
    const first = chunk % parts * CHUNK;
    attendHead(args, chunk / parts, first, min(args.l, first + CHUNK), workspace);
  }
}

/** Queries first .. last - 1 of a head. */
function attendHead(args: Attention, head: i32, first: i32, last: i32, workspace: usize): void {
  const d = args.d, s = args.s, room = keyRows(args.s), row = tensorRow(args.heads, args.d);
  const queries = workspace, panels = queries + matrixBytes(QUERIES, d), keys = panels + matrixBytes(QUERIES, d);
  const values = keys + matrixBytes(room, d), scores = values + matrixBytes(room, d), sumsOfValues = scores + matrixBytes(room, QUERIES);
  const tops = sumsOfValues + matrixBytes(d + 3, QUERIES), sums = tops + PER_QUERY, factors = sums + PER_QUERY, unused = factors + PER_QUERY;
  const rounds = keyRounds(args.s);
  for (let query = first; query < last; query += QUERIES) {
    const count = min(QUERIES, last - query), columns = panelCount(count) * TILE_COLUMNS;
    copyIn(queries, QUERIES, headAt(args, args.q, head, args.l, query), count, d, row, args.scale);
    transposeToPanels(panels, queries, QUERIES, count, d);
    noMaxima(tops);
    fill(sums, 0);
    for (let round = 0; round < rounds; round++) {
      const n = min(KEYS, s - round * KEYS);
      if (rounds > 1 || query == first) copyKeys(args, head, round, keys, values);
      scoresOf(scores, keys, room, n, panels, count, d);
      if (round > 0) memory.copy(factors, tops, PER_QUERY);
      maxima(scores, room, n, columns, tops);
      if (round > 0) {
        exponentials(factors, 1, 1, columns, tops, unused);
        scaleColumns(sums, 1, 1, columns, factors);
        scaleColumns(sumsOfValues, d, d, columns, factors);
      }
      exponentials(scores, room, n, columns, tops, sums);
      sumOverKeys(sumsOfValues, values, scores, room, n, count, d, round > 0);
    }
    invert(sums);
    transposeOut(headAt(args, args.y, head, args.l, query), row, sumsOfValues, sums, count, d);
  }
}
