/** A pool of GPU buffers behind gpu.js, which makes a new one for every result. */

export interface PooledBuffer { destroy(): void }

/** What gpu.js asks of a device when it makes a buffer. */
interface BufferDescriptor { readonly size: number; readonly usage: number }

/** The part of a GPUDevice that makes buffers. */
export interface BufferSource { createBuffer(descriptor: BufferDescriptor): PooledBuffer }

/** Storage buffers that kernels write: of a result every number is written, so old contents do not matter. */
export const RESULT_USAGE = 0x0080 | 0x0004; // STORAGE | COPY_SRC

const counters = new WeakMap<BufferSource, () => number>();

/**
 * Puts a pool behind the device: a result buffer that gpu.js destroys is kept and handed out again for the next result of its
 * size, which saves the allocation and WebGPU's clearing of new buffers. Commands run in the order of their submission, so what
 * still reads the old contents comes first. The pool holds no more bytes than were ever in use at once.
 * Gives the number of buffers that gpu.js holds; a device that has a pool, since all instances of gpu.js share one, keeps it.
 */
export function poolBuffers(device: BufferSource): () => number {
  const known = counters.get(device);
  if (known !== undefined) return known;
  const pool = new Map<number, PooledBuffer[]>();
  let [live, bytes, mostBytes, pooledBytes] = [0, 0, 0, 0];
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const { size, usage } = descriptor;
    live++;
    bytes += size;
    mostBytes = Math.max(mostBytes, bytes);
    const pooled = usage === RESULT_USAGE ? pool.get(size)?.pop() : undefined;
    if (pooled !== undefined) {
      pooledBytes -= size;
      return pooled;
    }
    const buffer = createBuffer(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      live--;
      bytes -= size;
      if (usage !== RESULT_USAGE || pooledBytes + size > mostBytes) {
        destroy();
        return;
      }
      pooledBytes += size;
      const sameSize = pool.get(size);
      if (sameSize === undefined) pool.set(size, [buffer]);
      else sameSize.push(buffer);
    };
    return buffer;
  };
  const count = (): number => live;
  counters.set(device, count);
  return count;
}
