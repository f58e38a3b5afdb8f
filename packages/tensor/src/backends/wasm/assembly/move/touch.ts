/**
 * Reads one float of each cache line of `rows` rows of `bytes`, `row` bytes apart: what is then read out of order lies in the cache, and
 * came there in the order in which a processor reads ahead. `result` takes a number, so that no compiler leaves the reads out.
 */
export function touchRows(at: usize, rows: i32, bytes: i32, row: usize, result: usize): void {
  if (<usize>bytes == row) { // no gap between them
    bytes *= rows;
    rows = 1;
  }
  let sum = 0;
  for (; rows > 0; rows--, at += row) {
    const end = at + bytes;
    for (let line = at; line < end; line += 64) sum ^= load<i32>(line);
  }
  store<i32>(result, sum);
}
