/** What every system of the end-to-end bench answers with: its epochs, each with its times and its accuracy. */
export interface EpochOutcome {
  /** Of the epoch's steps. */
  readonly trainingSeconds: number;
  /** Validation included. */
  readonly seconds: number;
  /** 0 to 1. */
  readonly validationAccuracy: number;
}

export interface Training {
  /** Trained on in each epoch. */
  readonly samples: number;
  readonly epochs: readonly EpochOutcome[];
  /** The whole program, from its start to its end. */
  readonly programSeconds: number;
}

export interface TrainingTask {
  /** Folder with train/ and validation/. */
  readonly folder: string;
  readonly epochs: number;
  readonly seed: number;
}

export interface System {
  readonly name: string;
  readonly train: (task: TrainingTask) => Promise<Training>;
}

export const speeds = ({ samples, epochs }: Training): number[] =>
  epochs.map(({ trainingSeconds }) => samples / trainingSeconds);

/** When the accuracy was first reached: epochs and their seconds; null: never. */
export function reached(
  { epochs }: Training,
  accuracy: number,
): { readonly epochs: number; readonly seconds: number } | null {
  const at = epochs.findIndex(({ validationAccuracy }) => validationAccuracy >= accuracy);
  if (at < 0) return null;
  const seconds = epochs.slice(0, at + 1).reduce((sum, epoch) => sum + epoch.seconds, 0);
  return { epochs: at + 1, seconds };
}
