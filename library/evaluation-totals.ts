/**
 * Totals of an evaluation: loss and accuracy over the samples, and which class was taken for which. Block sums are float64,
 * added in block order, as in the evaluation of a run (docs/design/mathematics-of-a-lane.md).
 */
import type { EvaluationResult } from "../engine/engine.js";

export interface EvaluationSummary {
  readonly samples: number;
  /** Mean over the samples, plus the regularisation terms; label smoothing as in training, no class weights. */
  readonly loss: number;
  readonly accuracy: number;
  /** In label order. Recall is null for a class without images. */
  readonly classes: readonly { name: string; images: number; correct: number; recall: number | null }[];
  /** [true class][predicted class] counts. */
  readonly confusion: readonly (readonly number[])[];
}

export class EvaluationTotals {
  readonly #classes: readonly string[];
  readonly #confusion: number[][];
  #lossSum = 0;
  #regularisation = 0;
  #samples = 0;

  constructor(classes: readonly string[]) {
    this.#classes = classes;
    this.#confusion = classes.map(() => classes.map(() => 0));
  }

  /** A block's result; labels int32 [n]. */
  add({ losses, probabilities, regularisation }: EvaluationResult, labels: Int32Array): void {
    const width = this.#classes.length;
    let blockLoss = 0;
    for (const [index, label] of labels.entries()) {
      blockLoss += losses[index] as number;
      const row = probabilities.subarray(index * width, (index + 1) * width);
      const counts = this.#confusion[label] as number[];
      const predicted = row.indexOf(Math.max(...row));
      counts[predicted] = (counts[predicted] ?? 0) + 1;
    }
    this.#lossSum += blockLoss;
    this.#regularisation = regularisation;
    this.#samples += labels.length;
  }

  summary(): EvaluationSummary {
    const classes = this.#classes.map((name, index) => {
      const counts = this.#confusion[index] as number[];
      const images = counts.reduce((sum, count) => sum + count, 0);
      const correct = counts[index] as number;
      return { name, images, correct, recall: images === 0 ? null : correct / images };
    });
    const correct = classes.reduce((sum, row) => sum + row.correct, 0);
    return {
      samples: this.#samples,
      loss: this.#lossSum / this.#samples + this.#regularisation,
      accuracy: correct / this.#samples,
      classes,
      confusion: this.#confusion,
    };
  }
}
