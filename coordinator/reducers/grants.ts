/**
 * What each worker was asked to send. A slice takes nothing else, so a worker that lies can spoil its own lanes only.
 * Grants only grow within an attempt at a step: when a lane is given to a second worker, the first may still send it,
 * and the first partial to arrive counts.
 */
import { isSendable, lanesBelow, nodeKey } from "../../shared/tree.js";
import type { Grant } from "../core/work.js";
import type { Claim } from "./step-partials.js";

export class Grants {
  #step = -1;
  #attempt = -1;
  #present: ReadonlySet<number> = new Set();
  #initialiser: string | null = null;
  /** Lanes that a worker may send, by worker. */
  readonly #lanes = new Map<string, Set<number>>();
  /** Keys of nodes that a worker may send as audits, by worker. */
  readonly #audits = new Map<string, Set<string>>();

  /** Begins a step, or another attempt at it. Former grants are forgotten, except the one for the initial weights. */
  begin(step: number, attempt: number, present: readonly number[]): void {
    this.#step = step;
    this.#attempt = attempt;
    this.#present = new Set(present);
    this.#lanes.clear();
    this.#audits.clear();
  }

  /** Allows a worker to send something. A grant for another step or attempt is ignored. */
  give(worker: string, grant: Grant): void {
    if (grant.kind === "INITIAL") {
      this.#initialiser = worker;
    } else if (grant.step === this.#step && grant.attempt === this.#attempt) {
      if (grant.kind === "AUDIT") addTo(this.#audits, worker, [nodeKey(grant.node)]);
      else addTo(this.#lanes, worker, grant.lanes);
    }
  }

  /** The worker was asked for the initial weights. */
  mayInitialise(worker: string): boolean {
    return this.#initialiser === worker;
  }

  /**
   * The worker was asked for this partial, and it has no more lanes than a partial may have. Lanes without samples need no
   * grant: no sum holds anything from them.
   */
  allows({ kind, step, attempt, worker, node }: Claim): boolean {
    if (step !== this.#step || attempt !== this.#attempt) return false;
    if (kind === "AUDIT") return this.#audits.get(worker)?.has(nodeKey(node)) === true;
    const lanes = this.#lanes.get(worker);
    if (lanes === undefined || !isSendable(node, this.#present)) return false;
    return lanesBelow(node, this.#present).every((lane) => lanes.has(lane));
  }
}

function addTo<T>(sets: Map<string, Set<T>>, key: string, values: readonly T[]): void {
  const set = sets.get(key) ?? new Set();
  for (const value of values) set.add(value);
  sets.set(key, set);
}
