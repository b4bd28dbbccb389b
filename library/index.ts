/** Trainyard as a library: `import { importDataset, train, evaluate, loadModel } from "trainyard"`. It prints nothing. */
export type { ImportProgress } from "../dataset/importing/import-dataset.js";
export { type ErrorCode, TrainyardError } from "../shared/errors.js";
export type { RunResult } from "../shared/result.js";
export type { ImageSpec } from "../shared/spec.js";
export type { RunPhase } from "../shared/status.js";
export type { CommonOptions } from "./common-options.js";
export { type EvaluateOptions, type Evaluation, evaluate } from "./evaluate.js";
export type { EvaluationSummary } from "./evaluation-totals.js";
export { type ImportDatasetOptions, type ImportedDataset, importDataset } from "./import-dataset.js";
export { type LoadModelOptions, loadModel, type Model } from "./load-model.js";
export type { Prediction } from "./prediction.js";
export { type TrainingRun, type TrainOptions, train } from "./train.js";
export type { TrainSettings } from "./train-options.js";
export type { EpochEvent, NoticeEvent, ProgressEvent, TrainingEvent } from "./training-events.js";
