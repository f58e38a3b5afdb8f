import type { TileOptions } from "./tiles.js";

/**
 * The built-in sheets; origins and licences are in data/LICENSES.md. `digits` is MNIST, sorted by class, and may be
 * padded to 32; the faces are drawn, not photographed.
 */
export const builtinSheets = {
  digits: {
    file: "digits-28x28-gray-10000.png", tile: 28, columns: 100, count: 10000, padTo: 32,
    classCounts: [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978],
  },
  faces: { file: "faces-32x32-rgb-4096.png", tile: 32, columns: 64, count: 4096 },
  "pixel-faces": { file: "pixel-faces-16x16-rgb-4096.png", tile: 16, columns: 64, count: 4096 },
} as const satisfies Readonly<Record<string, TileOptions & { file: string }>>;

/** A name of a built-in dataset. */
export type BuiltinName = keyof typeof builtinSheets;
