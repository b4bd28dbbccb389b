/** Names of classes and data sets: their normal form, and which names are allowed. */
import { TrainyardError } from "../shared/errors.js";

/** The name in Unicode's composed form (NFC), so that "Südtirol" typed on a Mac and on Linux is one class. */
export const normalName = (name: string) => name.normalize("NFC");

/** @throws TrainyardError USAGE when the name can't be used in keys, paths and metrics. */
export function checkDatasetName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return;
  throw new TrainyardError(
    "USAGE",
    `"${name}" can't name a data set: use 1 to 64 letters, digits, ".", "_" or "-", the first a letter or digit (--name)`,
  );
}
