/**
 * The error of a set-up that can't go on. Like all files of this folder it is plain JavaScript, because `bootstrap.mjs`
 * runs it before TypeScript is installed.
 */

/** A set-up can't go on. The message is one sentence that says what is missing, with the command that helps. */
export class SetupError extends Error {
  /** @param {string} sentence what is missing, and the command that helps */
  constructor(sentence) {
    super(sentence);
    this.name = "SetupError";
  }
}

/**
 * The SetupError for an error of the file system that a user can do something about, else the error itself.
 * @param {unknown} caught
 * @param {string} folder the folder that was written to
 */
export function asSetupError(caught, folder) {
  const code = caught instanceof Error && "code" in caught ? caught.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT") return diskFull(folder);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new SetupError(
      `The folder ${folder} can't be written. Give it to yourself, or choose another: export XDG_CACHE_HOME=/path/of/yours`,
    );
  }
  return caught;
}

/**
 * The error for a full disk.
 * @param {string} folder
 */
export function diskFull(folder) {
  return new SetupError(
    `The disk of ${folder} is full. Free some space there, or choose another disk: export XDG_CACHE_HOME=/path/with/space`,
  );
}
