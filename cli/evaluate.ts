/** `trainyard evaluate RUN`: the exported model on a data set's validation images, each exactly once. */
import { type Evaluation, evaluate } from "../library/evaluate.js";
import { decimals, percent } from "../shared/readable-numbers.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { GlobalFlags } from "../shared/settings/process-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import { textTable } from "../shared/text-table.js";
import { defineCommand } from "./command.js";
import { withSignals } from "./signals.js";
import { notice } from "./user-store.js";

type EvaluateFlags = FlagsOf<typeof commandSettings.evaluate> & GlobalFlags;

export const command = defineCommand({
  name: "evaluate",
  describe: "Evaluate the model of a run on validation images",
  settings: commandSettings.evaluate,
  examples: [
    ["$0 evaluate latest", "loss, accuracy, recall by class, and which classes were mistaken for which"],
    ["$0 evaluate faces-1 --data other-faces", "on the validation images of another data set"],
  ],
  run: (flags) => withSignals((signal) => runEvaluate(flags, signal)),
});

async function runEvaluate(flags: EvaluateFlags, signal: AbortSignal): Promise<void> {
  const { run, data, device, store } = flags;
  const evaluation = await evaluate({ run, data, device, store, signal, onNotice: notice });
  const text = flags.json ? JSON.stringify(evaluation, null, 2) : summaryText(evaluation);
  process.stdout.write(`${text}\n`);
}

function summaryText({ run, dataset, ...summary }: Evaluation): string {
  const { samples, loss, accuracy, classes, confusion } = summary;
  const head = `${run} on ${samples} validation images of ${dataset.name}: loss ${decimals(loss)}, accuracy ${percent(accuracy)}`;
  const recalls = classes.map(({ name, images, correct, recall }) => [
    name,
    `${correct} of ${images}`,
    recall === null ? "–" : percent(recall),
  ]);
  const matrix = confusion.map((row, index) => [classes[index]?.name ?? "", ...row.map(String)]);
  return [
    head,
    "",
    textTable([["CLASS", "CORRECT", "RECALL"], ...recalls]),
    "",
    "Rows are true classes, columns what they were taken for:",
    textTable([["", ...classes.map(({ name }) => name)], ...matrix]),
  ].join("\n");
}
