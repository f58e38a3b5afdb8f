/**
 * Arguments of the convolution kernels, all 32-bit, in this order. Layouts are channels-last: x [n, h, w, cin], weights
 * [kh, kw, cin, cout], y [n, oh, ow, cout]. What a kernel reads and writes is said at the kernel.
 */
@unmanaged
export class Conv {
  /** Input image; the gradient of the input for `convGradInput`. */
  x: usize;
  /** Transformed or packed weights; the gradient of the weights, [kh, kw, cin, cout], for the grad-weight kernels. */
  weights: usize;
  /** Output image; the gradient of the output for the gradient kernels. */
  y: usize;
  /** cout floats added to every output pixel, or 0. */
  bias: usize;
  /** Partial sums of the grad-weight kernels; used where `...Parts` is more than 1. */
  partials: usize;
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
  /** Side of a Winograd output tile: 4 for F(4x4, 3x3), 2 for F(2x2, 3x3). */
  tile: i32;
}
