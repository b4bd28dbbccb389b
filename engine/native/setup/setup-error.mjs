/**
 * What a set-up says when it can't go on: one sentence, with the command that mends it. Plain JavaScript like
 * all of this folder, because `bootstrap.mjs` runs it before TypeScript is there.
 */

export class SetupError extends Error {
  /** @param {string} sentence what is missing, and the command that mends it */
  constructor(sentence) {
    super(sentence);
    this.name = "SetupError";
  }
}

/**
 * The refusal for an error of the file system that a user can mend, else the error itself.
 * @param {unknown} caught
 * @param {string} folder where we were writing
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

/** @param {string} folder */
export function diskFull(folder) {
  return new SetupError(
    `The disk of ${folder} is full. Free some space there, or choose another disk: export XDG_CACHE_HOME=/path/with/space`,
  );
}
