/**
 * The most that a network's config may ask for. Beyond lies nothing sensible, and lists of blocks or tables of places would take
 * minutes and gigabytes before anything could be refused; what lies within is held to the memory of a device (parameters/room.ts).
 */
import { integer } from "./kinds.js";

/** Most blocks of a transformer, or hidden layers. */
export const MOST_LAYERS = 1024;
/** Most levels of a U-Net, each of half the sides of the one before. */
export const MOST_LEVELS = 32;
/** Most patches of an image. */
export const MOST_PATCHES = 2 ** 20;

/** Channels, widths, heads and groups: 65,536 is more than any published network has. */
export const channelCount = integer({ from: 1, to: 65536 });
/** Blocks of a transformer. */
export const depthCount = integer({ from: 1, to: MOST_LAYERS });
/** ResBlocks of a level: the variational diffusion models of Kingma et al. (2021) have 32 and 64. */
export const layerCount = integer({ from: 1, to: 256 });
/** A width over another one. */
export const multiple = integer({ from: 1, to: 1024 });
/** Sides of images and patches, in pixels. */
export const side = integer({ from: 1, to: 65536 });
/** Rows of a table: classes, or times. */
export const rowCount = integer({ from: 1, to: 1_000_000 });
/** Sides of the patches that a convolution reads as channels. */
export const patchSide = integer({ from: 1, to: 64 });
