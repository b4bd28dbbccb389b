/**
 * Texts of a peer, which end in logs, labels and pages: names are refused when they are no names; sentences are made
 * fit, because who says what went wrong is to be heard.
 */
import { z } from "zod";
import { limits } from "../limits.js";

/** Nothing that a terminal or a log would take for more than a character, and no end of a line. */
const printable = /^[^\p{C}\p{Zl}\p{Zp}]*$/u;
const unprintable = /[\p{C}\p{Zl}\p{Zp}]+/gu;

/** A run, a worker, a host: printable, not empty. */
export const name = z
  .string()
  .min(1)
  .max(limits.nameCharacters)
  .regex(printable, "only printable characters");

/** A name, or an empty text. */
export const nameOrNone = z.string().max(limits.nameCharacters).regex(printable, "only printable characters");

/** One line of at most `limits.sentenceCharacters`, whatever was said. */
export const oneLine = (text: string): string =>
  text.slice(0, limits.sentenceCharacters).replaceAll(unprintable, " ");

/** A text for people: made one line, and cut. */
export const sentence = z.string().transform(oneLine);

/** What a worker can be doing. */
export const workerPhases = ["prepare", "fetch", "decode", "compute", "upload", "download", "idle"] as const;
/** What a worker says that it is doing; `other` when the word is unknown. */
export type WorkerPhaseName = (typeof workerPhases)[number] | "other";

/** What a worker says that it is doing. Phases are labels of metrics, so an unknown one becomes `other`. */
export const workerPhase = z
  .string()
  .transform((phase): WorkerPhaseName => workerPhases.find((known) => known === phase) ?? "other");
