/** Decoded images kept in memory within a number of bytes; the one not used for the longest time goes first. */
export class ImageCache {
  private readonly images = new Map<number, Float32Array>();  // in the order of last use
  private used = 0;

  constructor(readonly limit: number) {}

  /** Bytes held now, never more than the limit. */
  get bytes(): number {
    return this.used;
  }

  /** The image kept under i, else make(), which is kept if it fits at all. Callers must not write into it. */
  get(i: number, make: () => Float32Array): Float32Array {
    const known = this.images.get(i);
    const image = known ?? make();
    if (known) this.images.delete(i);
    else if (image.byteLength > this.limit) return image;
    else this.used += image.byteLength;
    this.images.set(i, image);
    for (const [oldest, { byteLength }] of this.images) {
      if (this.used <= this.limit) break;
      this.images.delete(oldest);
      this.used -= byteLength;
    }
    return image;
  }
}
