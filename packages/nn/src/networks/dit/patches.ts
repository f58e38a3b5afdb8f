/** Images as rows of tokens: a token is a patch of p x p pixels, its values in the order row, column, channel. */
import { permute, reshape, type Tensor } from "@fromnoise/tensor";

/** [N, H, W, C] -> [N, L, p p C], L = H W / p^2, patches row by row. Moves elements only: `fromPatches` is its backward. */
export function toPatches(x: Tensor, p: number): Tensor {
  const [n, height, width, c] = x.shape;
  const [h, w] = [height / p, width / p];
  return x.device.scope(() => {
    const tiles = permute(reshape(x, [n, h, p, w, p, c]), [0, 1, 3, 2, 4, 5]);              // n, h, w, row, column, c
    return reshape(tiles, [n, h * w, p * p * c]);
  });
}

/** [N, h w, p p C] -> [N, h p, w p, C], the reverse, h patches above each other. `toPatches` is its backward. */
export function fromPatches(y: Tensor, p: number, h: number): Tensor {
  const [n, l, values] = y.shape;
  const [w, c] = [l / h, values / (p * p)];
  return y.device.scope(() => {
    const rows = permute(reshape(y, [n, h, w, p, p, c]), [0, 1, 3, 2, 4, 5]);               // n, h, row, w, column, c
    return reshape(rows, [n, h * p, w * p, c]);
  });
}
