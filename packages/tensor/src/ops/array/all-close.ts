import { ShapeError } from "../../core/errors.js";
import { assertTensor } from "../../core/expect-tensor.js";
import { formatShape, sameShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";

/**
 * True when |a - b| <= atol + rtol |b| everywhere; equal infinities are close, NaN only to NaN and only with equalNan.
 * Shapes must be equal; devices and dtypes may differ, for that is what one wants to compare. Throws ShapeError.
 */
export async function allClose(
  a: Tensor, b: Tensor, { rtol = 1e-5, atol = 1e-8, equalNan = false }: { rtol?: number; atol?: number; equalNan?: boolean } = {},
): Promise<boolean> {
  assertTensor("allClose", "a", a);
  assertTensor("allClose", "b", b);
  if (!sameShape(a.shape, b.shape)) {
    throw new ShapeError("allClose: shapes differ", [`a        ${formatShape(a.shape)}`, `b        ${formatShape(b.shape)}`]);
  }
  const [valuesA, valuesB] = await Promise.all([a.data(), b.data()]);
  return valuesA.every((p, i) => {
    const q = valuesB[i];
    if (Number.isNaN(p) || Number.isNaN(q)) return equalNan && Number.isNaN(p) && Number.isNaN(q);
    return p === q || (Number.isFinite(q) && Math.abs(p - q) <= atol + rtol * Math.abs(q));
  });
}
