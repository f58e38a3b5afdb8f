/**
 * GLSL that takes the place of gpu.js's own way from an index to a texel. gpu.js divides whole numbers, twice for a texel and four times
 * for a thread; for sizes that are no constants that costs more than the texel itself.
 *
 * A thread asks by index i = x + dim.x z (every array here is [cols, 1, rows]). Its row is floor((i + 1/2) / width) in f32: for a
 * million texels that is right even if the division errs by 2.5 units in the last place, as GPUs may. Above, where it may be off by
 * one, the column tells.
 */
export const TEXELS = `
#define getFloatFromSampler2D numberOf
#define getVec4FromSampler2D texelOf
#define indexTo3D threadOf

ivec3 threadOf(int i, ivec3 threads) {
  int row = i / threads.x;
  return ivec3(i - row * threads.x, 0, row);
}

vec4 texelOf(sampler2D texels, ivec2 size, ivec3 dim, int z, int y, int x) {
  vec2 sides = vec2(size);
  float i = float(x + dim.x * z);
  float row = floor((i + 0.5) / sides.x);
  float col = i - row * sides.x;
  if (size.x > 1024) {
    float off = float(col >= sides.x) - float(col < 0.0);
    row += off;
    col -= off * sides.x;
  }
  return texture(texels, (vec2(col, row) + 0.5) / sides);
}

float numberOf(sampler2D texels, ivec2 size, ivec3 dim, int z, int y, int x) {
  return texelOf(texels, size, dim, z, y, x).r;
}
`;
