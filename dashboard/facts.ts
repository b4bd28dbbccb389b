/** What the run was, as a table: the spec in the words of its flags, and the account of its samples. */
import type { RunResult } from "../shared/result.js";
import { type AugmentationSpec, microBatchSize, type OptimizerSpec, type RunSpec } from "../shared/spec.js";
import { type Markup, markup } from "./markup.js";

type Fact = readonly [string, string | number | Markup];

/** The rows of the table with a run's settings. */
export function specFacts(spec: RunSpec): Fact[] {
  const { image, model, optimizer } = spec;
  return [
    ["data set", markup`${spec.dataset.name} <code>${spec.dataset.hash.slice(0, 16)}</code>`],
    ["classes", spec.classes.map((name, index) => `${index} ${name}`).join(", ")],
    [
      "model",
      `${model.name}, dropout ${model.dropout}, batch-norm momentum ${model.batchNormMomentum}, L2 ${model.l2}`,
    ],
    [
      "input",
      `${image.height} × ${image.width} × ${image.channels}, ${image.resize}, colour ${image.colour}`,
    ],
    [
      "batch",
      `${spec.batchSize} = ${spec.lanes} lanes × ${spec.accumulation} × ${microBatchSize(spec)} images`,
    ],
    ["local steps", localStepsInWords(spec)],
    ["optimiser", optimizerInWords(optimizer)],
    ["augmentation", augmentationInWords(spec.augmentation)],
    ["class weights", spec.classWeights.join(", ")],
    ["seed", spec.seed],
  ];
}

function optimizerInWords(optimizer: OptimizerSpec): string {
  const rate = `${optimizer.learningRate} (${optimizer.schedule})`;
  if (optimizer.name === "adam")
    return `Adam ${rate}, betas ${optimizer.beta1} and ${optimizer.beta2}, epsilon ${optimizer.epsilon}`;
  return `SGD ${rate}, momentum ${optimizer.momentum}${optimizer.nesterov ? " (Nesterov)" : ""}`;
}

function localStepsInWords({ localSteps, batchSize }: RunSpec): string {
  if (localSteps === null) return "none: a gradient a step";
  const { count, learningRate } = localSteps;
  return `${count} of SGD ${learningRate} in every lane, ${count * batchSize} images between two exchanges of weights`;
}

function augmentationInWords(augmentation: AugmentationSpec): string {
  const { brightnessRange, cval, fillMode, channelShiftRange } = augmentation;
  const parts = [
    `rotation ${augmentation.rotationRange}°`,
    `shift ${augmentation.widthShiftRange} × ${augmentation.heightShiftRange}`,
    `shear ${augmentation.shearRange}°`,
    `zoom ${augmentation.zoomRange}`,
    augmentation.horizontalFlip ? "horizontal flip" : "",
    augmentation.verticalFlip ? "vertical flip" : "",
    brightnessRange === null ? "" : `brightness ${brightnessRange.join(" to ")}`,
    channelShiftRange === 0 ? "" : `channel shift ${channelShiftRange}`,
    fillMode === "constant" ? `fill ${cval}` : `fill ${fillMode}`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** The rows of the table with a run's result. */
export function resultFacts(result: RunResult): Fact[] {
  const { samples } = result;
  const account = Object.entries(samples).map(([name, count]) => `${count} ${name}`);
  return [
    ["parameters", result.parameters.toLocaleString("en")],
    ["steps", result.steps],
    ["samples", account.join(", ")],
    [
      "workers",
      `${result.workersSeen}, ${result.sameBits ? "of one kind: the same bits for any number" : "of several kinds"}`,
    ],
    ["weights' SHA-256", markup`<code>${result.weightsSha256 === "" ? "–" : result.weightsSha256}</code>`],
  ];
}

/** A table with two columns: name and value. */
export const factTable = (facts: readonly Fact[]): Markup => markup`<table class="facts"><tbody>
${facts.map(([name, value]) => markup`<tr><th scope="row">${name}</th><td>${value}</td></tr>\n`)}</tbody></table>`;
