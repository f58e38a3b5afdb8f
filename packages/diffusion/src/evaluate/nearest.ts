/** Nearest neighbours by comparing all with all, exactly: sets of images are searched a few thousand times, not millions. */
import { type Rows, commonWidth, rowSizes } from "./rows.js";

/** For each row its nearest neighbour: the Euclidean distance, and which it is; Infinity and -1 where there was none. */
export interface Nearest {
  readonly distances: Float64Array;
  readonly indices: Int32Array;
}

/** How a search for nearest rows goes. */
export interface NearestOptions {
  /**
   * Only neighbours that differ count: those at distance 0 are passed over. Of a set among itself that leaves out every row itself,
   * and its exact duplicates with it. Default false.
   */
  readonly distinct?: boolean;
}

/** Columns after which a sum that is too large already is given up. */
const STRIDE = 64;

/**
 * The nearest of all rows that are added, block by block, so that what is searched need never be in memory as a whole: N rows and one
 * block are. Of two at the same distance the first counts, and no sum depends on the blocks: neither do the results.
 */
export class NearestSearch {
  readonly #rows: Rows;
  readonly #distinct: boolean;
  readonly #squares: Float64Array;
  readonly #indices: Int32Array;
  #seen = 0;

  /** Throws ShapeError for what are no rows. */
  constructor(rows: Rows, { distinct = false }: NearestOptions = {}) {
    const { count } = rowSizes("nearest", rows);
    this.#rows = rows;
    this.#distinct = distinct;
    this.#squares = new Float64Array(count).fill(Infinity);
    this.#indices = new Int32Array(count).fill(-1);
  }

  /** Searches further rows, numbered on from those before. Throws ShapeError for rows of another width. */
  add(block: Rows): void {
    const width = commonWidth("nearest", this.#rows, block);
    const { shape: [count], data: a } = this.#rows;
    const [more] = block.shape, b = block.data;
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < more; j++) {
        const square = squareBelow(a, i * width, b, j * width, width, this.#squares[i]);
        if (square >= this.#squares[i] || (this.#distinct && square === 0)) continue;
        this.#squares[i] = square;
        this.#indices[i] = this.#seen + j;
      }
    }
    this.#seen += more;
  }

  /** What was found so far: of each query the nearest row, and how far away it is. */
  get result(): Nearest {
    return { distances: this.#squares.map(Math.sqrt), indices: this.#indices.slice() };
  }
}

/** For each row the nearest of others: min over j of |rows[i] - among[j]|. Throws ShapeError for rows of two widths. */
export function nearest(rows: Rows, among: Rows, options: NearestOptions = {}): Nearest {
  const search = new NearestSearch(rows, options);
  search.add(among);
  return search.result;
}

/** sum (a - b)^2 of two rows from `i` and `j`, columns in order; a part of it that is at least `limit` where it is not less. */
function squareBelow(a: Rows["data"], i: number, b: Rows["data"], j: number, width: number, limit: number): number {
  let sum = 0;
  for (let from = 0; from < width; from += STRIDE) {
    const to = Math.min(width, from + STRIDE);
    for (let k = from; k < to; k++) {
      const difference = a[i + k] - b[j + k];
      sum += difference * difference;
    }
    if (sum >= limit) break;
  }
  return sum;
}
