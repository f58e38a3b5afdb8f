/** What to do with an image of a folder that cannot be used: stop with an error, or leave it out. */
export const BAD_IMAGES = ["stop", "skip"] as const;
export type BadImages = (typeof BAD_IMAGES)[number];
