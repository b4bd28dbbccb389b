/**
 * Who wrote which object when, and which coordinator had the run then: for the rule on former ones. A run changes hands
 * when the next coordinator has written down what it goes on from (`from` in its record): until then it reads, and what
 * is whole by then is as good as what was whole before.
 */
import type { SimProcess } from "./process.js";

interface Writing {
  readonly process: SimProcess;
  /** The newest generation's owner at that moment. */
  readonly owner: SimProcess | null;
}

const recordKey = /\/generations\/(\d+)\.json$/;

export class Fencing {
  readonly #writings = new Map<string, Writing>();
  readonly #owners = new Set<SimProcess>();
  /** Owners, and those that have taken a number and still read. */
  readonly #coordinators = new Set<SimProcess>();
  #newest = 0;
  #owner: SimProcess | null = null;
  /** Objects that a process could not create: it reads them only to compare them with its own bytes. */
  readonly #refused = new Map<SimProcess, Set<string>>();
  /** Reads of what a former coordinator wrote after it had lost the run. */
  readonly violations: string[] = [];

  wrote(process: SimProcess, key: string, bytes: Uint8Array): void {
    const generation = Number(recordKey.exec(key)?.[1] ?? 0);
    if (generation > 0) this.#coordinators.add(process);
    if (generation > this.#newest && Buffer.from(bytes).includes('"from"')) {
      [this.#newest, this.#owner] = [generation, process];
      this.#owners.add(process);
    }
    this.#writings.set(key, { process, owner: this.#owner });
  }

  /** Whether the object was ever written, be it deleted by now. */
  hasBeenWritten(key: string): boolean {
    return this.#writings.has(key);
  }

  /** The process wanted to create the object, and another one was there. */
  refused(process: SimProcess, key: string): void {
    const keys = this.#refused.get(process) ?? new Set();
    this.#refused.set(process, keys.add(key));
  }

  read(reader: SimProcess, key: string): void {
    if (this.#refused.get(reader)?.has(key) === true) return;
    const writing = this.#writings.get(key);
    if (writing === undefined || writing.process === reader) return;
    const { process, owner } = writing;
    // A worker of the former coordinator's own may still export for it: what that writes, nobody takes for the result.
    if (!this.#coordinators.has(reader)) return;
    // The record itself says only that its owner lives, or lived.
    if (!this.#owners.has(process) || owner === process || recordKey.test(key)) return;
    this.violations.push(
      `${reader.name} read ${key}, which ${process.name} wrote after ${owner?.name} had taken the run`,
    );
  }
}
