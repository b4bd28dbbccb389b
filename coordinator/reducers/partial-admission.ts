/**
 * Whether a partial that a worker sends is taken, decided in one place: by the sender's ticket, run, generation, slice,
 * step, attempt, what the worker was asked for, and what the sum has already. It is asked at a partial's first chunk,
 * before memory is taken for it, and again when the partial is whole.
 */

import { assertNever } from "../../shared/errors.js";
import type { UploadChunk } from "../../shared/grpc/tensor-messages.js";
import type { TensorCredentials } from "../../shared/grpc/tensor-server.js";
import type { TreeNode } from "../../shared/tree.js";
import type { Grants } from "./grants.js";
import type { Claim, SumVerdict } from "./step-partials.js";
import type { TicketGate } from "./tickets.js";

/** What becomes of a partial. `reason` is for people. */
export type PartialVerdict =
  /** The partial is taken: it is the first one for its lanes, from a worker that was asked for them. */
  | { readonly tag: "admitted" }
  /** Its step or attempt has not begun at this slice. The sender is kept waiting until it begins, within a deadline. */
  | { readonly tag: "early"; readonly reason: string }
  /** The sum (or the slice, for initial weights) has these values already, so a repeat is not an error. */
  | { readonly tag: "dropped"; readonly reason: string }
  /** The partial belongs to another run, generation, slice, step or attempt, or its worker was not asked for it. */
  | { readonly tag: "stale"; readonly reason: string }
  /** The stream may not send this at all. The stream is ended with the reason. */
  | { readonly tag: "refused"; readonly reason: string };

/** All that the verdict rests on. */
export interface PartialFacts {
  /** Why the stream may not send it: no valid ticket, or another worker's name. Null: it may. */
  readonly refusal: string | null;
  /** Run, generation and slice are those of this server. */
  readonly isThisSlice: boolean;
  /** The partial's step and attempt, beside those that the slice is at. Initial weights belong to no step: `current`. */
  readonly time: "early" | "current" | "past";
  /** The worker was asked for all of the node's lanes, for the audit, or for the initial weights. */
  readonly isGranted: boolean;
  /** What the sum along the tree makes of it, or the slice of initial weights. */
  readonly sum: SumVerdict;
}

/** The verdict on a partial with these facts. An early partial is not held against its grant, which comes with its step. */
export function verdictOf({ refusal, isThisSlice, time, isGranted, sum }: PartialFacts): PartialVerdict {
  if (refusal !== null) return { tag: "refused", reason: refusal };
  if (!isThisSlice) return { tag: "stale", reason: "it is for another run, generation or slice" };
  if (time === "early") return { tag: "early", reason: "its step or attempt has not begun" };
  if (time === "past") return { tag: "stale", reason: "its step or attempt is over" };
  if (!isGranted) return { tag: "stale", reason: "its worker was not asked for it" };
  switch (sum) {
    case "wanted":
      return { tag: "admitted" };
    case "dropped":
      return { tag: "dropped", reason: "its values are there already" };
    case "stale":
      return { tag: "stale", reason: "its worker is banned from the step, or nothing is compared with it" };
    default:
      return assertNever(sum);
  }
}

/** What the verdict asks of the slice. */
export interface AdmittingSlice {
  /** The step and attempt whose partials are taken; -1 before the first. */
  readonly step: number;
  readonly attempt: number;
  /** Undefined until weights are loaded. */
  readonly version: object | undefined;
  judge(claim: Claim): SumVerdict;
}

/** Collects the facts about a partial and gives the verdict. Without a gate everybody may send, and needs no grant. */
export class PartialAdmission {
  readonly #at: { readonly run: string; readonly generation: number; readonly slice: number };
  readonly #slice: AdmittingSlice;
  readonly #tickets: { readonly gate: TicketGate; readonly grants: Grants } | null;

  constructor(
    at: { readonly run: string; readonly generation: number; readonly slice: number },
    slice: AdmittingSlice,
    tickets: { readonly gate: TicketGate; readonly grants: Grants } | null,
  ) {
    this.#at = at;
    this.#slice = slice;
    this.#tickets = tickets;
  }

  /** The verdict as of now. Throws on a node that the tree lacks. */
  judge(chunk: UploadChunk, credentials: TensorCredentials): PartialVerdict {
    const facts = { refusal: this.#refusal(chunk, credentials), isThisSlice: this.#isThisSlice(chunk) };
    const time = this.#timeOf(chunk);
    // The tree and the grants know only the step under way.
    if (facts.refusal !== null || !facts.isThisSlice || time !== "current")
      return verdictOf({ ...facts, time, isGranted: false, sum: "stale" });
    const isGranted = this.#isGranted(chunk);
    return verdictOf({ ...facts, time, isGranted, sum: isGranted ? this.#sumVerdict(chunk) : "stale" });
  }

  #refusal({ worker }: UploadChunk, credentials: TensorCredentials): string | null {
    if (this.#tickets === null) return null;
    if (credentials.worker !== worker) return `a partial of ${worker} on a stream of ${credentials.worker}`;
    return this.#tickets.gate.refusal(credentials);
  }

  #isThisSlice(chunk: UploadChunk): boolean {
    const { run, generation, slice } = this.#at;
    return chunk.run === run && chunk.generation === generation && chunk.slice === slice;
  }

  #timeOf({ kind, step, attempt }: UploadChunk): PartialFacts["time"] {
    if (kind === "INITIAL") return "current";
    const difference = step - this.#slice.step || attempt - this.#slice.attempt;
    if (difference === 0) return "current";
    return difference > 0 ? "early" : "past";
  }

  #isGranted(chunk: UploadChunk): boolean {
    if (this.#tickets === null) return true;
    const { grants } = this.#tickets;
    const claim = claimOf(chunk);
    return claim === null ? grants.mayInitialise(chunk.worker) : grants.allows(claim);
  }

  #sumVerdict(chunk: UploadChunk): SumVerdict {
    const claim = claimOf(chunk);
    if (claim !== null) return this.#slice.judge(claim);
    return this.#slice.version === undefined ? "wanted" : "dropped";
  }
}

/** The lanes that a partial is the sum of. */
export const nodeOf = ({ beginLane, endLane }: UploadChunk): TreeNode => ({ begin: beginLane, end: endLane });

/** What a partial says that it is. Null: the initial weights, which belong to no step. */
export function claimOf(chunk: UploadChunk): Claim | null {
  const { kind, step, attempt, worker } = chunk;
  return kind === "INITIAL" ? null : { kind, step, attempt, worker, node: nodeOf(chunk) };
}
