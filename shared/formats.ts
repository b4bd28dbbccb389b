/**
 * The formats of what is stored, and their numbers. A format gets another number when its draws, its order or its meaning
 * changes. Every earlier number stays readable with the draws that it had. A number that this version does not know is
 * refused in a sentence, never guessed at, and never taken for damage. docs/design/formats.md says what each number means.
 */
import { TrainyardError } from "./errors.js";
import { programVersion } from "./version.js";

/** The numbers that this version reads, by format. The last one is what it writes. */
const readable = {
  "trainyard-run": [1, 2],
  "trainyard-dataset": [1, 2],
  "trainyard-checkpoint": [1],
  "trainyard-state": [1],
  "trainyard-curve": [1],
  "trainyard-result": [1],
  "trainyard-labels": [1, 2],
} as const satisfies Readonly<Record<string, readonly number[]>>;

type FormatName = keyof typeof readable;

const isKnownName = (name: string): name is FormatName => Object.hasOwn(readable, name);

/**
 * Refuses a stored document whose format has a number that this version does not read. Anything else passes, for its
 * schema to judge. Errors: UNKNOWN_FORMAT, naming the object and the numbers.
 */
export function refuseUnknownFormat(document: unknown, key: string): void {
  const { format } = (document ?? {}) as { readonly format?: unknown };
  const [, name = "", number = ""] = /^([a-z-]+)\/(\d{1,9})$/.exec(String(format)) ?? [];
  if (!isKnownName(name)) return;
  const known: readonly number[] = readable[name];
  if (known.includes(Number(number))) return;
  throw new TrainyardError(
    "UNKNOWN_FORMAT",
    `${key} has the format ${name}/${number}, and Trainyard ${programVersion()} reads ${known.map((one) => `${name}/${one}`).join(" and ")}: ` +
      "another version wrote it; use that one, or a newer one",
    { fields: { key } },
  );
}
