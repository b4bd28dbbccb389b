/** Runs in words: the table of all, the summary of one, and both as JSON. */

import { lookBack } from "../plan/ended-run.js";
import { lookingBackRows } from "../plan/ended-run-text.js";
import { type RunState, stateName } from "../runs/run-state.js";
import { assertNever } from "../shared/errors.js";
import { placeInWords } from "../shared/queue.js";
import { decimals, duration, percent, whole } from "../shared/readable-numbers.js";
import type { RunResult } from "../shared/result.js";
import type { RunSpec } from "../shared/spec.js";
import type { RunStatus } from "../shared/status.js";
import { textTable } from "../shared/text-table.js";
import { keptInWords, riskInWords } from "./durability.js";
import { progressLine } from "./progress.js";

export function runTable(runs: readonly RunState[]): string {
  if (runs.length === 0) return "no runs yet: trainyard train DATASET starts one";
  const rows = runs.map((run) => [
    run.run,
    stateName(run),
    run.spec.dataset.name,
    epochsOf(run),
    accuracyOf(run),
  ]);
  return textTable([["RUN", "STATE", "DATA SET", "EPOCHS", "VALIDATION ACCURACY"], ...rows]);
}

function epochsOf({ spec, state }: RunState): string {
  if (state.tag === "ended") return `${state.result.epochs}/${spec.epochs}`;
  const status = statusOf(state);
  return status === null ? `–/${spec.epochs}` : `${status.epoch}/${spec.epochs}`;
}

function accuracyOf({ state }: RunState): string {
  if (state.tag === "ended") return percent(state.result.final?.validationAccuracy);
  return percent(statusOf(state)?.validation?.accuracy);
}

/** The coordinator's own words: now, or at the end. */
function statusOf(state: RunState["state"]): RunStatus | null {
  if (state.tag === "live") return state.status;
  return state.tag === "closed" ? state.end.status : null;
}

/** Multi-line, for people. */
export function runSummary(run: RunState): string {
  const { spec, state } = run;
  const facts = [
    ["run", run.run],
    ["state", stateInWords(run)],
    ["data set", `${spec.dataset.name} (${spec.classes.join(", ")})`],
    ["model", `${spec.model.name}, ${spec.image.height} x ${spec.image.width} x ${spec.image.channels}`],
    ["batch", `${spec.batchSize} in ${batchInWords(spec)}, ${spec.epochs} epochs, seed ${spec.seed}`],
  ];
  facts.push(...durabilityFacts(run));
  if (state.tag === "ended") facts.push(...resultFacts(state.result, spec));
  return textTable(facts);
}

/** What is kept of a run that has not finished, and what is not. */
function durabilityFacts({ state }: RunState): string[][] {
  const status = statusOf(state);
  if (status === null) return [];
  const facts: string[][] = [];
  const risk = riskInWords(status);
  if (state.tag === "live" && risk !== null) facts.push(["not saved", risk]);
  if (state.tag === "closed") facts.push(["kept", keptInWords(status)]);
  return facts;
}

/** Lanes, and what of --accumulate and --local-steps is not usual. */
function batchInWords({ lanes, accumulation, localSteps }: RunState["spec"]): string {
  const calls = accumulation === 1 ? "" : ` x ${accumulation} calls`;
  const local =
    localSteps === null ? "" : `, ${localSteps.count} local steps of SGD ${localSteps.learningRate}`;
  return `${lanes} lanes${calls}${local}`;
}

function stateInWords({ state }: RunState): string {
  switch (state.tag) {
    case "ended":
      return `${state.result.outcome}: ${state.result.reason}`;
    case "live":
      return progressLine(state.status);
    case "closed":
      return state.end.outcome === "interrupted"
        ? `interrupted: it goes on when its coordinator stands again · ${progressLine(state.end.status)}`
        : progressLine(state.end.status);
    case "created":
      return "created; no coordinator has taken it yet";
    case "queued":
      return `queued: ${placeInWords(state.ahead)}`;
    case "interrupted":
      return `interrupted: its coordinator at ${state.http} does not answer`;
    default:
      return assertNever(state);
  }
}

function resultFacts(result: RunResult, spec: RunSpec): string[][] {
  const { final, best, samples } = result;
  const facts = [
    ["took", `${duration(result.seconds)}, ${whole(result.imagesPerSecond)} images/s, ${result.steps} steps`],
    ["workers", `${result.workersSeen}${result.sameBits ? "" : ", of several kinds (not the same bits)"}`],
  ];
  const back = lookBack(spec, result);
  if (back !== null) facts.push(...lookingBackRows(back));
  if (final !== null)
    facts.push(["training", `loss ${decimals(final.loss)}, accuracy ${percent(final.accuracy)}`]);
  if (final?.validationLoss != null) {
    facts.push([
      "validation",
      `loss ${decimals(final.validationLoss)}, accuracy ${percent(final.validationAccuracy)}`,
    ]);
  }
  if (best !== null) {
    const accuracy = percent(best.validationAccuracy ?? best.accuracy);
    facts.push([
      "best",
      `epoch ${best.epoch + 1}, loss ${decimals(best.validationLoss ?? best.loss)}, accuracy ${accuracy}`,
    ]);
  }
  for (const item of result.classes.filter(({ images }) => images > 0)) {
    facts.push([`  ${item.name}`, `${item.correct} of ${item.images} right (${percent(item.recall)})`]);
  }
  facts.push([
    "samples",
    Object.entries(samples)
      .map(([name, count]) => `${count} ${name}`)
      .join(", "),
  ]);
  const left = leftOut(result);
  if (left !== null) facts.push(["damaged", left]);
  if (result.exported !== null) facts.push(["files", result.exported.paths.join(", ")]);
  return facts;
}

/** A sentence on images that could not be read; null where all could. */
export function leftOut({ exclusions }: Pick<RunResult, "exclusions">): string | null {
  const [first] = exclusions;
  if (first === undefined) return null;
  const images = exclusions.length === 1 ? "1 image" : `${exclusions.length} images`;
  const were = exclusions.length === 1 ? "was" : "were";
  return `${images} could not be read any more and ${were} left out, from step ${first.step} on: ${first.reason}`;
}

/** result.json as it is stored once the run has ended; else its state. */
export function runAsJson(run: RunState): unknown {
  const { state, spec } = run;
  if (state.tag === "ended") return state.document;
  const status = statusOf(state);
  const more = {
    ...(state.tag === "live" && { http: state.http }),
    ...(state.tag === "closed" && { reason: state.end.reason }),
    ...(status !== null && { status }),
  };
  return { run: run.run, state: stateName(run), dataset: spec.dataset, epochs: spec.epochs, ...more };
}
