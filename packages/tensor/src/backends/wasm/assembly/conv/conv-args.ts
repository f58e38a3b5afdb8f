/**
 * Arguments of the convolution kernels. Layouts are channels-last: x [n, h, w, cin], weights [kh, kw, cin, cout],
 * y [n, oh, ow, cout];
 *   y[i, j] = bias + sum over (a, b) of x[i * stride + a - padTop, j * stride + b - padLeft] weights[a, b],
 * where what lies outside x is 0: padding below and right follows from oh and ow. What a kernel reads and writes is said there.
 */
@unmanaged
export class Conv {
  /** Input image; the gradient of the input for `convGradInput`. */
  x: usize;
  /** The weights, read where they are packed; their gradient for the grad-weight kernels. */
  weights: usize;
  /** Output image; the gradient of the output for the gradient kernels. */
  y: usize;
  /** cout floats added to every output pixel. */
  bias: usize = 0;
  /** The weights in the form that a `...Pack...` kernel gives them, or `winogradWeights`. */
  packed: usize = 0;
  /** Partial sums of the grad-weight kernels, [parts, kh, kw, cin, cout]; used where there is more than one part. */
  partials: usize = 0;
  n: i32;
  h: i32;
  w: i32;
  cin: i32;
  oh: i32;
  ow: i32;
  cout: i32;
  kh: i32;
  kw: i32;
  stride: i32;
  padTop: i32;
  padLeft: i32;
  /** Side of a Winograd output tile: 4 for F(4x4, 3x3), error about 1e-5, or 2 for F(2x2, 3x3), about 5e-7. */
  tile: i32 = 0;
}
