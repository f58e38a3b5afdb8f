/** Where the pickle of a file and the bytes of its storages lie: what the two formats of torch.save have in common. */
import type { TorchStorage } from "./tensors.js";

export interface TorchContainer {
  /** What the pickle says. */
  readonly value: unknown;
  /** Bytes begin .. begin + length - 1 of a storage. Throws CheckpointError where they are not there, or damaged. */
  read(storage: TorchStorage, begin: number, length: number): Promise<Uint8Array>;
}

/** A pickle of PyTorch holds names and numbers; longer ones are something else. */
export const MAX_PICKLE_BYTES = 2 ** 26;
