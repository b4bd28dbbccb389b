/** Plans and real runs of the same cases, in turn: everything on this machine, as `trainyard train` starts it. */
import { RunResult } from "../../../shared/result.js";
import { succeed } from "../../support/program.js";

export interface RealCase {
  readonly workers: number;
  readonly batchSize: number;
}

/** Seconds of a step: from medians and from minima, as predicted; the median and the shortest, as measured. */
export interface StepTimes {
  readonly usual: number;
  readonly best: number;
}

interface PlannedRow {
  readonly workers: number;
  readonly usual: { readonly seconds: number };
  readonly best: { readonly seconds: number };
}

/** Enough full steps of the set's 196 training images for a median. */
const epochsFor = (batchSize: number) => (batchSize > 64 ? 10 : 4);

const flagsOf = (batchSize: number) => ["--batch-size", String(batchSize), "--threads", "1"];

/** By workers. */
export async function planned(batchSize: number, folder: string): Promise<Map<number, StepTimes>> {
  const text = await succeed(["plan", "faces", ...flagsOf(batchSize), "--json"], { cwd: folder });
  const { here } = JSON.parse(text) as { readonly here: readonly PlannedRow[] };
  return new Map(here.map((row) => [row.workers, { usual: row.usual.seconds, best: row.best.seconds }]));
}

export async function measured({ workers, batchSize }: RealCase, folder: string): Promise<StepTimes> {
  const epochs = ["--epochs", String(epochsFor(batchSize)), "--audit", "0"];
  const words = ["train", "faces", ...flagsOf(batchSize), ...epochs, "--workers", String(workers), "--json"];
  const { timing } = RunResult.parse(JSON.parse(await succeed(words, { cwd: folder })));
  if (timing === null) throw new Error("the run has no full step");
  return { usual: timing.stepSeconds.median, best: timing.stepSeconds.min };
}
