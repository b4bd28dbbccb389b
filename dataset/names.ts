/**
 * Names of classes and data sets: their normal form, what is allowed. File names are handled as
 * the user wrote them elsewhere.
 */
import { TrainyardError } from "../shared/errors.js";

/** The composed form: "Südtirol" typed on a Mac and on Linux is one class. */
export const normalName = (name: string) => name.normalize("NFC");

/** @throws TrainyardError USAGE unless the name is fit for keys, paths and metrics. */
export function checkDatasetName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return;
  throw new TrainyardError(
    "USAGE",
    `"${name}" can't name a data set: use 1 to 64 letters, digits, ".", "_" or "-", the first a letter or digit (--name)`,
  );
}
