/**
 * A run that nothing happened to, and what it means that another one ended with the same bits: every commit, every
 * epoch, the final weights, and the exact counts. Reads what any user can read: `runs show` and the curve in the store.
 */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Curve } from "../../shared/curve.js";
import { RunResult } from "../../shared/result.js";
import { TestCluster } from "./cluster.js";
import { finishedCurve } from "./finished-curve.js";
import { photographs, type RunOptions, runProgram, succeed } from "./program.js";
import { sharedFixture } from "./shared-fixture.js";

export type StoreOptions = RunOptions & { readonly store: string };

export interface FinishedRun {
  readonly curve: Curve;
  readonly result: RunResult;
}

export async function finishedRun(run: string, options: StoreOptions): Promise<FinishedRun> {
  const shown = await runProgram(["runs", "show", run, "--json", "--store", options.store], options);
  expect(shown).toMatchObject({ code: 0 });
  const curve = await finishedCurve(run, options);
  return { curve, result: RunResult.parse(JSON.parse(shown.stdout)) };
}

/** The curve's rows without what a clock measured. */
const rows = (list: readonly { readonly seconds: number }[]) =>
  list.map((row) => ({ ...row, seconds: 0, imagesPerSecond: 0 }));

const importWords = (store: string) => ["import", photographs("faces"), "--name", "faces", "--store", store];

/** The photographs of `faces`, as the data set of that name. A store that is a folder gets a copy of one import. */
export async function importFaces(options: StoreOptions): Promise<void> {
  if (!options.store.startsWith("file:")) {
    expect(await runProgram(importWords(options.store), options)).toMatchObject({ code: 0 });
    return;
  }
  const made = await sharedFixture("faces", async (folder) => {
    await succeed(importWords(`file:${join(folder, "store")}`), { cwd: folder });
  });
  copyStore(made, options);
}

/** Copies the store of a shared fixture into one that is a folder. */
const copyStore = (fixture: string, { store }: StoreOptions) =>
  cpSync(join(fixture, "store"), store.slice("file:".length), { recursive: true });

export class ReferenceRun {
  readonly #unbroken: FinishedRun;

  private constructor(unbroken: FinishedRun) {
    this.#unbroken = unbroken;
  }

  /** Two workers, no faults. */
  static async make(dataset: string, flags: readonly string[], options: StoreOptions): Promise<ReferenceRun> {
    const cluster = await TestCluster.start(dataset, ["--run", "unbroken", ...flags], options);
    try {
      for (const id of ["a", "b"]) cluster.worker(id);
      expect(await cluster.coordinatorEnd).toMatchObject({ code: 0 });
    } finally {
      await cluster.close();
    }
    return new ReferenceRun(await finishedRun("unbroken", options));
  }

  /** On `faces`; a copy of both the data set and the run is in the store, which is a folder, afterwards. */
  static async ofFaces(flags: readonly string[], options: StoreOptions): Promise<ReferenceRun> {
    const made = await sharedFixture(`run of faces ${JSON.stringify(flags)}`, async (folder) => {
      const own = { cwd: folder, store: `file:${join(folder, "store")}` };
      await importFaces(own);
      await ReferenceRun.make("faces", flags, own);
    });
    copyStore(made, options);
    return new ReferenceRun(await finishedRun("unbroken", options));
  }

  get steps(): number {
    return this.#unbroken.result.steps;
  }

  /** Fails unless `other`, a run with the same flags, has the same commits, weights and counts. */
  expectSame({ curve, result }: FinishedRun): void {
    const { curve: ours, result: our } = this.#unbroken;
    expect(rows(curve.steps)).toEqual(rows(ours.steps));
    expect(rows(curve.epochs)).toEqual(rows(ours.epochs));
    expect(result.weightsSha256).toBe(our.weightsSha256);
    const counts = { skipped: 0, excluded: 0, lost: 0, repeated: 0 };
    expect(result.samples).toMatchObject({ ...counts, committed: our.samples.committed });
  }
}
