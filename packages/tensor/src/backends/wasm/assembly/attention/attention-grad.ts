import { panelCount } from "../gemm/pack";
import { TILE_COLUMNS } from "../variant";
import {
  Attention, KEYS, PER_QUERY, QUERIES, copyIn, copyKeys, copyOut, headAt, keyRounds, keyRows, matrixBytes, matrixBytesWide, tensorRow,
  transposeOut, transposeToPanels,
} from "./attention-args";
import { exponentials, exponentialsAndDots, fill, gradients, invert, maxima, noMaxima, scaleColumns } from "./columns";
import { scoresOf, sumOverKeys, sumOverQueries } from "./products";

/** Chunks: one a head. */
export function attentionGradChunks(args: Attention): i32 {
  return args.n * args.heads;
}

/**
 * Bytes of workspace: queries and dy, as matrices and in panels; KEYS keys and values, and the sums of their gradients; weights and
 * their gradients; dq transposed; numbers of queries.
 */
export function attentionGradWorkspace(args: Attention): f64 {
  return 4 * matrixBytesWide(QUERIES, args.d) + 4 * matrixBytesWide(keyRows(args.s), args.d)
    + 2 * matrixBytesWide(keyRows(args.s), QUERIES) + matrixBytesWide(args.d + 3, QUERIES) + 5 * PER_QUERY;
}

/**
 * dq, dk and dv of each head: with P = softmax(S), S = scale q k^T, computed again,
 *   dv = P^T dy, dP = dy v^T, dS = P (dP - sum of dP P), dq = scale dS k, dk = scale dS^T q.
 * QUERIES queries at a time against KEYS keys at a time; where there are more keys, S and dP are computed a second time, once the
 * maxima and sums over all keys are known.
 */
export function attentionGrad(args: Attention, from: i32, to: i32, workspace: usize): void {
  for (let head = from; head < to; head++) gradientsOfHead(args, head, workspace);
}

function gradientsOfHead(args: Attention, head: i32, workspace: usize): void {
  const d = args.d, l = args.l, s = args.s, room = keyRows(args.s), row = tensorRow(args.heads, args.d);
  const byQuery = matrixBytes(QUERIES, d), byKey = matrixBytes(room, d), byBoth = matrixBytes(room, QUERIES);
  const queries = workspace, dys = queries + byQuery, queryPanels = dys + byQuery, dyPanels = queryPanels + byQuery;
  const keys = dyPanels + byQuery, values = keys + byKey, dkeys = values + byKey, dvalues = dkeys + byKey;
  const weights = dvalues + byKey, dweights = weights + byBoth, dqueries = dweights + byBoth;
  const tops = dqueries + matrixBytes(d + 3, QUERIES), sums = tops + PER_QUERY, dots = sums + PER_QUERY;
  const factors = dots + PER_QUERY, unused = factors + PER_QUERY;
  const rounds = keyRounds(args.s);

  for (let query = 0; query < l; query += QUERIES) {
    const count = min(QUERIES, l - query), columns = panelCount(count) * TILE_COLUMNS;
    copyIn(queries, QUERIES, headAt(args, args.q, head, l, query), count, d, row, args.scale);
    copyIn(dys, QUERIES, headAt(args, args.dy, head, l, query), count, d, row, 1);
    transposeToPanels(queryPanels, queries, QUERIES, count, d);
    transposeToPanels(dyPanels, dys, QUERIES, count, d);
    noMaxima(tops);
    fill(sums, 0);
    fill(dots, 0);
    for (let round = 0; round < rounds; round++) {
      const n = min(KEYS, s - round * KEYS);
      if (rounds > 1 || query == 0) copyKeys(args, head, round, keys, values);
      scoresOf(weights, keys, room, n, queryPanels, count, d);
      scoresOf(dweights, values, room, n, dyPanels, count, d);
      if (round > 0) memory.copy(factors, tops, PER_QUERY);
      maxima(weights, room, n, columns, tops);
      if (round > 0) {
        exponentials(factors, 1, 1, columns, tops, unused);
        scaleColumns(sums, 1, 1, columns, factors);
        scaleColumns(dots, 1, 1, columns, factors);
      }
      exponentialsAndDots(weights, dweights, room, n, columns, tops, sums, dots);
    }
    invert(sums);
    scaleColumns(dots, 1, 1, columns, sums);
    for (let round = 0; round < rounds; round++) {
      const n = min(KEYS, s - round * KEYS);
      if (rounds > 1) {
        copyKeys(args, head, round, keys, values);
        scoresOf(weights, keys, room, n, queryPanels, count, d);
        scoresOf(dweights, values, room, n, dyPanels, count, d);
        exponentials(weights, room, n, columns, tops, unused);
      }
      gradients(weights, dweights, room, n, columns, sums, dots);
      sumOverKeys(dqueries, keys, dweights, room, n, count, d, round > 0);
      const accumulate = rounds == 1 && query > 0;
      sumOverQueries(dkeys, dweights, room, n, queries, count, d, accumulate);
      sumOverQueries(dvalues, weights, room, n, dys, count, d, accumulate);
      if (rounds > 1) writeKeys(args, head, round, dkeys, dvalues, query > 0);
    }
    fill(factors, args.scale);
    transposeOut(headAt(args, args.dq, head, l, query), row, dqueries, factors, count, d);
  }
  if (rounds == 1) writeKeys(args, head, 0, dkeys, dvalues, false);
}

/** Writes the gradients of a round's keys and values, or adds them to what is there. */
function writeKeys(args: Attention, head: i32, round: i32, dkeys: usize, dvalues: usize, add: bool): void {
  const first = round * KEYS, n = min(KEYS, args.s - first), room = keyRows(args.s), row = tensorRow(args.heads, args.d);
  copyOut(headAt(args, args.dk, head, args.s, first), row, dkeys, room, n, args.d, add);
  copyOut(headAt(args, args.dv, head, args.s, first), row, dvalues, room, n, args.d, add);
}
