/** Does it learn: loss and accuracy by time and by step, what the optimizer does, and which classes are recognised. */
import * as common from "@grafana/grafana-foundation-sdk/common";
import { dashboardOf, row } from "./frame.js";
import { bySteps, counts, figure, half, limited, lines } from "./panels.js";
import { increase, now, ofRun, over } from "./queries.js";

const green = { value: null, color: "green" } as const;
const plain = { value: null, color: "text" } as const;

const phase = () =>
  figure(
    { title: "Phase", description: "What the run is at.", unit: "none" },
    [plain],
    [now(`trainyard_phase{${ofRun}} == 1`, "{{phase}}")],
  ).textMode(common.BigValueTextMode.Name);

const epoch = () =>
  figure(
    {
      title: "Epoch",
      description: "The epoch in progress, from 1, and how many were asked for.",
      unit: "none",
    },
    [plain],
    [now(`trainyard_epoch{${ofRun}} + 1`, "epoch"), now(`trainyard_epochs{${ofRun}}`, "of")],
  );

const step = () =>
  figure(
    { title: "Step", description: "Steps committed or skipped so far.", unit: "none" },
    [plain],
    [now(`trainyard_step{${ofRun}}`, "step")],
  );

const accuracyNow = () =>
  figure(
    { title: "Validation accuracy", description: "Of the last evaluation.", unit: "percentunit" },
    [plain],
    [now(`trainyard_accuracy_ratio{${ofRun}, split="validation"}`, "validation")],
  );

const lossNow = () =>
  figure(
    { title: "Validation loss", description: "Of the last evaluation.", unit: "none" },
    [plain],
    [now(`trainyard_loss{${ofRun}, split="validation"}`, "validation")],
  );

const lastCommit = () =>
  figure(
    {
      title: "Last commit",
      description:
        "How long ago a step was committed. After five minutes without one, evaluation aside, the run counts as stalled.",
      unit: "s",
    },
    [green, { value: 60, color: "yellow" }, { value: 300, color: "red" }],
    [now(`time() - trainyard_last_commit_timestamp_seconds{${ofRun}}`, "ago")],
  );

const loss = () =>
  lines(
    {
      title: "Loss",
      description: "Train: of each step. Validation: of each epoch. A gap is a step that was not finite.",
      unit: "none",
    },
    [over(`trainyard_loss{${ofRun}}`, "{{split}}")],
  );

const accuracy = () =>
  lines(
    {
      title: "Accuracy",
      description: "Train: of each step. Validation: of each epoch.",
      unit: "percentunit",
    },
    [over(`trainyard_accuracy_ratio{${ofRun}}`, "{{split}}")],
  )
    .min(0)
    .max(1);

const splits = ["step", "train", "validation"] as const;

const lossBySteps = () =>
  bySteps(
    {
      title: "Loss by step",
      description: "The same values against the step: comparable between fast and slow clusters.",
      unit: "none",
    },
    [over(`trainyard_step{${ofRun}}`, "step"), over(`trainyard_loss{${ofRun}}`, "{{split}}")],
    splits,
  );

const accuracyBySteps = () =>
  bySteps(
    { title: "Accuracy by step", description: "The same values against the step.", unit: "percentunit" },
    [over(`trainyard_step{${ofRun}}`, "step"), over(`trainyard_accuracy_ratio{${ofRun}}`, "{{split}}")],
    splits,
  );

const learningRate = () =>
  lines(
    { title: "Learning rate", description: "Of the last step: schedule and plateau together.", unit: "none" },
    [over(`trainyard_learning_rate{${ofRun}}`, "learning rate")],
    8,
  );

const gradientNorm = () =>
  lines(
    {
      title: "Gradient norm",
      description:
        "Euclidean norm of the mean gradient, before clipping, on a logarithmic scale. A steady rise comes before a loss that is not finite.",
      unit: "none",
    },
    [over(`trainyard_gradient_norm{${ofRun}}`, "norm")],
    8,
  ).scaleDistribution(new common.ScaleDistributionConfigBuilder().type(common.ScaleDistribution.Log).log(10));

const skipped = () =>
  counts(
    {
      title: "Steps skipped, samples left out",
      description:
        "Steps that were not finite on two machines, and samples whose bytes are damaged. None is what you want.",
      unit: "none",
    },
    [
      over(increase("trainyard_steps_skipped_total"), "steps skipped"),
      over(increase("trainyard_samples_excluded_total"), "samples left out"),
    ],
    8,
  );

const recall = () =>
  limited(
    {
      title: "Recall by class",
      description:
        "Share of each class' validation images that were classified correctly. A class at 0 while others rise is never predicted.",
      unit: "percentunit",
    },
    [
      { value: null, color: "red" },
      { value: 0.5, color: "green" },
    ],
    [over(`trainyard_validation_recall_ratio{${ofRun}}`, "{{class}}")],
    half * 2,
  )
    .min(0)
    .max(1);

export const training = () =>
  dashboardOf({
    uid: "trainyard-training",
    title: "Trainyard: training",
    description: "Does it learn: loss, accuracy, learning rate, gradient norm, recall by class.",
  })
    .withRow(row("Now"))
    .withPanel(phase())
    .withPanel(epoch())
    .withPanel(step())
    .withPanel(lossNow())
    .withPanel(accuracyNow())
    .withPanel(lastCommit())
    .withRow(row("By time"))
    .withPanel(loss())
    .withPanel(accuracy())
    .withRow(row("By step"))
    .withPanel(lossBySteps())
    .withPanel(accuracyBySteps())
    .withRow(row("Optimizer"))
    .withPanel(learningRate())
    .withPanel(gradientNorm())
    .withPanel(skipped())
    .withRow(row("Classes"))
    .withPanel(recall());
