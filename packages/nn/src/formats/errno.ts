/** Why an operation on a file failed, in words: the one place that reads Node's error codes. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder", ENOTDIR: "a part of the path is a file", EEXIST: "a part of the path is a file",
  EISDIR: "it is a folder", EACCES: "permission denied", EPERM: "permission denied", EROFS: "the disk is read-only",
  ENOSPC: "the disk is full", EDQUOT: "the disk quota is used up", ENAMETOOLONG: "the name is too long",
};

/** The code of a failed operation, "ENOENT"; undefined where the error has none. */
export function errorCode(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}

/** The reason of a failure: "the disk is full", or the error's own message. */
export function failureReason(error: unknown): string {
  const code = errorCode(error) ?? "";
  if (Object.hasOwn(REASONS, code)) return REASONS[code];
  return error instanceof Error ? error.message : String(error);
}
