/**
 * Names of classes and data sets: their order, their normal form, what is allowed. File names are handled as
 * the user wrote them elsewhere.
 */
import { TrainyardError } from "../shared/errors.js";

/** Compares by Unicode code points: the same order on every machine, in every locale ("0" < "1" < "10" < "2"). */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x !== y) return aboveSurrogates(x) - aboveSurrogates(y);
  }
  return a.length - b.length;
}

/** UTF-16 sorts surrogates (code points from 0x10000) below 0xE000 to 0xFFFF; this puts them above. */
const aboveSurrogates = (unit: number) =>
  unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;

/** The composed form: "Südtirol" typed on a Mac and on Linux is one class. */
export const normalName = (name: string) => name.normalize("NFC");

/** @throws TrainyardError USAGE unless the name is fit for keys, paths and metrics. */
export function checkDatasetName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return;
  throw new TrainyardError(
    "USAGE",
    `"${name}" can't name a data set: use 1 to 64 letters, digits, ".", "_" or "-", the first a letter or digit`,
  );
}
