/** The end-to-end bench's tables: speed, and the way to a validation accuracy. Every figure is a median over rounds. */
import { median, range, row } from "../frame/figures.js";
import { reached, speeds, type Training } from "./training.js";

/** One round's training of each system, by the system's name. */
export type Rounds = ReadonlyMap<string, readonly Training[]>;

/** Each epoch but the first, which reads and decodes; the first where there is no other. */
const later = (training: Training) =>
  speeds(training).length > 1 ? speeds(training).slice(1) : speeds(training);

/** Ratios are of rounds, ours by the other's, so that what slows a whole round down cancels out. */
function ratio(ours: readonly Training[], others: readonly Training[]): string {
  const each = ours.map((run, at) => median(later(run)) / median(later(others[at] ?? run)));
  return median(each).toFixed(2);
}

export function speedTable(rounds: Rounds, ours: string): string {
  const widths = [38, 13, 10, 12, 12, 14];
  const head = ["", "first epoch", "later", "min-max", "ours/this", "program, s"];
  const mine = rounds.get(ours) ?? [];
  const rows = [...rounds].map(([name, trainings]) => [
    name,
    median(trainings.map((run) => speeds(run)[0] ?? Number.NaN)).toFixed(0),
    median(trainings.map((run) => median(later(run)))).toFixed(0),
    range(trainings.flatMap(later), 0),
    ratio(mine, trainings),
    median(trainings.map((run) => run.programSeconds)).toFixed(0),
  ]);
  return ["images/s", ...[head, ...rows].map((cells) => row(cells, widths))].join("\n");
}

/** Epochs and seconds until the accuracy is reached for the first time; "-" where some round never did. */
export function accuracyTable(rounds: Rounds, accuracies: readonly number[]): string {
  const widths = [38, ...accuracies.map(() => 13)];
  const head = ["", ...accuracies.map((accuracy) => accuracy.toFixed(2))];
  const rows = [...rounds].map(([name, trainings]) => [
    name,
    ...accuracies.map((accuracy) => cell(trainings.map((run) => reached(run, accuracy)))),
  ]);
  const title = "epochs / seconds until the validation accuracy is first at least";
  return [title, ...[head, ...rows].map((cells) => row(cells, widths))].join("\n");
}

function cell(outcomes: readonly ReturnType<typeof reached>[]): string {
  const there = outcomes.filter((outcome) => outcome !== null);
  if (there.length < outcomes.length) return "-";
  const epochs = median(there.map((outcome) => outcome.epochs));
  return `${epochs} / ${median(there.map(({ seconds }) => seconds)).toFixed(1)}`;
}
