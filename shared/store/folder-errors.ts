/** What the file system says, as the store's errors: a sentence that names store and key, and what to do. */
import { type ErrorCode, TrainyardError } from "../errors.js";
import { quote } from "./keys.js";

/** The reason that the operating system gave (`ENOSPC`), or "" for any other error. */
export function systemCode(caught: unknown): string {
  const code: unknown = caught instanceof Error && "code" in caught ? caught.code : undefined;
  return typeof code === "string" ? code : "";
}

const explanations: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOSPC: [
    "STORE_FULL",
    "the disk is full; free some space there, as trainyard runs delete RUN does, or choose another --store",
  ],
  EDQUOT: ["STORE_FULL", "the disk quota is used up; free some space there, or choose another --store"],
  EFBIG: ["STORE_FULL", "the file would be larger than the file system or `ulimit -f` allows"],
  EACCES: [
    "STORE_DENIED",
    "this user has no right to it; change the folder's rights, or choose another --store",
  ],
  EPERM: ["STORE_DENIED", "the operating system does not permit it; choose another --store"],
  ENOENT: ["STORE_DENIED", "no folder can be made there; choose another --store"],
  EROFS: ["STORE_DENIED", "the file system is read-only; choose another --store"],
  ENAMETOOLONG: ["USAGE", "the path is too long for the file system; choose a --store with a shorter path"],
  EISDIR: ["USAGE", "a folder of this name is there: a key can't be both an object and a folder of objects"],
  ENOTDIR: ["USAGE", "a part of the path is a file: a key can't be both an object and a folder of objects"],
};

/** `doing` is a clause: "can't write", "can't read". Known TrainyardErrors pass. */
export function folderError(store: string, doing: string, key: string, caught: unknown): TrainyardError {
  if (caught instanceof TrainyardError) return caught;
  const reason = systemCode(caught);
  const [code, explanation] = explanations[reason] ?? (["FAILED", reasonOf(caught)] as const);
  const subject = key === "" ? "" : ` ${quote(key)} in`;
  const message = `${doing}${subject} the store ${store}: ${explanation}`;
  return new TrainyardError(code, message, { cause: caught, fields: { store, key, reason } });
}

const reasonOf = (caught: unknown) => (caught instanceof Error ? caught.message : String(caught));

/** Nothing of that name is there: also where a parent is a file, or the name is a folder's. */
export function isMissing(caught: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EISDIR"].includes(systemCode(caught));
}
