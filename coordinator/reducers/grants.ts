/**
 * What each worker was asked to send: only that is taken, and given memory. So nobody's partial takes the place of
 * another's, and a worker that lies spoils the lanes that it has, no more. Grants only grow within an attempt at a step:
 * what a worker was asked for and others are by now counts as well, whoever is first.
 */
import { nodeKey } from "../../shared/tree.js";
import type { Grant } from "../core/work.js";
import type { Claim } from "./step-partials.js";

export class Grants {
  #step = -1;
  #attempt = -1;
  #present: readonly number[] = [];
  #initialiser: string | null = null;
  /** By worker. */
  readonly #lanes = new Map<string, Set<number>>();
  /** Nodes by worker. */
  readonly #audits = new Map<string, Set<string>>();

  /** What was granted before is not any more. */
  begin(step: number, attempt: number, present: readonly number[]): void {
    this.#step = step;
    this.#attempt = attempt;
    this.#present = present;
    this.#lanes.clear();
    this.#audits.clear();
  }

  /** Of another step or attempt: nothing. */
  give(worker: string, grant: Grant): void {
    if (grant.kind === "INITIAL") {
      this.#initialiser = worker;
    } else if (grant.step === this.#step && grant.attempt === this.#attempt) {
      if (grant.kind === "AUDIT") addTo(this.#audits, worker, [nodeKey(grant.node)]);
      else addTo(this.#lanes, worker, grant.lanes);
    }
  }

  mayInitialise(worker: string): boolean {
    return this.#initialiser === worker;
  }

  /** Lanes without samples need no grant: nothing of them is in a sum. */
  allows({ kind, step, attempt, worker, node }: Claim): boolean {
    if (step !== this.#step || attempt !== this.#attempt) return false;
    if (kind === "AUDIT") return this.#audits.get(worker)?.has(nodeKey(node)) === true;
    const lanes = this.#lanes.get(worker);
    return (
      lanes !== undefined &&
      this.#present.every((lane) => lane < node.begin || lane >= node.end || lanes.has(lane))
    );
  }
}

function addTo<T>(sets: Map<string, Set<T>>, key: string, values: readonly T[]): void {
  const set = sets.get(key) ?? new Set();
  for (const value of values) set.add(value);
  sets.set(key, set);
}
