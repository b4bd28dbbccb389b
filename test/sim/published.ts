/** What a finished simulated run published, read as everybody must read it. */
import { createHash } from "node:crypto";
import { Curve } from "../../shared/curve.js";
import { RunResult } from "../../shared/result.js";
import { runKey } from "../../shared/spec.js";
import { runName } from "./setup.js";
import type { Simulation } from "./simulation.js";

function json({ store }: Simulation, key: string): unknown {
  const bytes = store.objects.get(runKey(runName, key));
  if (bytes === undefined) throw new Error(`the run did not publish ${key}`);
  return JSON.parse(Buffer.from(bytes).toString("utf8"));
}

/** Where the record that closes the run says that its papers lie. */
function folderOf(simulation: Simulation): string {
  const prefix = runKey(runName, "generations/");
  const numbers = [...simulation.store.objects.keys()]
    .filter((key) => key.startsWith(prefix))
    .map((key) => Number(key.slice(prefix.length, -".json".length)));
  const newest = json(simulation, `generations/${Math.max(...numbers)}.json`) as { published?: string };
  if (newest.published === undefined) throw new Error("nobody closed the run");
  return newest.published;
}

export const curveOf = (simulation: Simulation): Curve =>
  Curve.parse(json(simulation, `${folderOf(simulation)}curve.json`));

export const resultOf = (simulation: Simulation): RunResult =>
  RunResult.parse(json(simulation, `${folderOf(simulation)}result.json`));

/** SHA-256 of the exported weights. */
export function exportedOf(simulation: Simulation): string {
  const path = resultOf(simulation).exported?.paths.find((one) => one.endsWith("weights.bin")) ?? "";
  const bytes = simulation.store.objects.get(runKey(runName, path));
  if (bytes === undefined) throw new Error(`the result names ${path}, which is not there`);
  return createHash("sha256").update(bytes).digest("hex");
}

/** The result without what time, workers and redone work decide. */
export function outcomeOf(simulation: Simulation): string {
  const { outcome, reason, steps, epochs, sameBits, final, best, confusion, weightsSha256, samples } =
    resultOf(simulation);
  const { redone: _, ...counted } = samples;
  return JSON.stringify({
    outcome,
    reason,
    steps,
    epochs,
    sameBits,
    final,
    best,
    confusion,
    weightsSha256,
    counted,
  });
}
