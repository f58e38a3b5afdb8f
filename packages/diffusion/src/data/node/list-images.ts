/** Which files of a folder are images, in an order that is the same on every machine. */
import { readdirSync, realpathSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "@fromnoise/tensor";
import { failureReason } from "@fromnoise/nn";

const IMAGE_NAME = /\.(png|jpe?g)$/i;

export interface ListedImage {
  /** Within the folder, "/" between names. */
  readonly path: string;
  /** Why its contents cannot be had: it is a link that leads nowhere, a pipe, a device. */
  readonly problem?: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/**
 * The files *.png, *.jpg and *.jpeg of a folder and its subfolders, sorted by path in code-unit order: no locale has a say. Links
 * are followed, each folder once; names that start with a dot are left out.
 * @throws ConfigError when the folder is missing, is a file, or holds no images, or when a folder cannot be read.
 */
export function listImages(folder: string): ListedImage[] {
  if (!statOf(folder)?.isDirectory()) {
    throw new ConfigError(`data: no folder ${folder}`, ["expected   a folder with PNG or JPEG images"]);
  }
  const found: ListedImage[] = [];
  const visited = new Set<string>();
  const visit = (inside: string): void => {
    const here = realpathSync(join(folder, inside));
    if (visited.has(here)) return;  // another link to it, or one from below
    visited.add(here);
    for (const name of namesIn(here).sort(byCodeUnits)) {
      const path = inside + name;
      if (name.startsWith(".")) continue;
      const stat = statOf(join(folder, path));
      if (stat?.isDirectory()) visit(`${path}/`);
      else if (IMAGE_NAME.test(name)) found.push(listed(path, stat));
    }
  };
  visit("");
  if (found.length > 0) return found.sort((a, b) => byCodeUnits(a.path, b.path));
  throw new ConfigError(`data: no images in ${folder}`, ["expected   files *.png, *.jpg or *.jpeg, there or in its subfolders"]);
}

function listed(path: string, stat: Stats | undefined): ListedImage {
  const { size, mtimeMs } = stat ?? { size: 0, mtimeMs: 0 };
  if (stat?.isFile()) return { path, size, mtimeMs };
  return { path, size, mtimeMs, problem: stat === undefined ? "it is a link that leads nowhere" : "it is no regular file, but a pipe or a device" };
}

/** What a path is, undefined where there is nothing or its link leads nowhere. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {  // a link to itself
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new ConfigError(`data: the folder ${folder} cannot be read`, [`reason     ${failureReason(error)}`]);
  }
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
