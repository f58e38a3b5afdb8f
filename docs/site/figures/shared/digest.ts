/** A number that stands for bits: what a page computed is compared with what Node computed. */

/** FNV-1a over the 32-bit words of numbers in f32, as eight hexadecimal digits. */
export function digest(...arrays: readonly ArrayLike<number>[]): string {
  let hash = 2166136261;
  for (const values of arrays) {
    const words = new Uint32Array(Float32Array.from(values).buffer);
    for (const word of words) hash = Math.imul(hash ^ word, 16777619) >>> 0;
  }
  return hash.toString(16).padStart(8, "0");
}
