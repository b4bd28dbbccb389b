/**
 * Writes checkpoints one after the other, while training goes on, and tidies the log's segments between two of them. When one can't be written, the run goes on without it;
 * but the best checkpoint's weights are nowhere else, so it is kept in memory and written before the next one.
 */
import type { ObjectStore } from "../../shared/store/object-store.js";
import type { Journal } from "../journal.js";
import type { VectorSnapshot } from "../reducers/pool.js";
import type { CheckpointContent, CheckpointWriter, WrittenCheckpoint } from "./checkpoint-writer.js";

export interface SaveRequest extends Omit<CheckpointContent, "vectors" | "log"> {
  /** The vectors are released when the checkpoint is written or given up. */
  readonly vectors: Promise<VectorSnapshot>;
  /** Texts of the journal since the last checkpoint. */
  readonly unsealed: readonly string[];
}

/** Settings of a checkpoint queue. */
export interface CheckpointQueueOptions {
  readonly store: ObjectStore;
  readonly journal: Journal;
  readonly writer: Pick<CheckpointWriter, "write">;
  /** Is called with a sentence when log segments could not be merged or deleted; it is tried again after the next checkpoint. */
  readonly onUntidy: (message: string) => void;
}

export class CheckpointQueue {
  readonly #store: ObjectStore;
  readonly #journal: Journal;
  readonly #writer: Pick<CheckpointWriter, "write">;
  readonly #onUntidy: (message: string) => void;
  #last: Promise<unknown> = Promise.resolve();
  /** The best checkpoint, as long as it is not in the store. */
  #owed: SaveRequest | null = null;

  constructor({ store, journal, writer, onUntidy }: CheckpointQueueOptions) {
    this.#store = store;
    this.#journal = journal;
    this.#writer = writer;
    this.#onUntidy = onUntidy;
  }

  /** Writes a checkpoint after all that were requested before it. Errors: the store's. */
  save(request: SaveRequest): Promise<WrittenCheckpoint> {
    const saved = this.#last.then(() => this.#save(request));
    this.#last = saved.then(
      () => this.#tidy(),
      () => undefined, // its caller sees the error
    );
    return saved;
  }

  /** Resolves when no checkpoint is being written any more. */
  async settled(): Promise<void> {
    await this.#last;
  }

  async #save(request: SaveRequest): Promise<WrittenCheckpoint> {
    const { bestCheckpoint } = request.saved;
    const owed = this.#owed?.checkpoint === bestCheckpoint ? this.#owed : null;
    if (this.#owed !== owed) this.#forgetOwed(); // there is a better one by now
    if (request.checkpoint === bestCheckpoint) this.#owed = request;
    try {
      const log = await this.#journal.seal(this.#store, request.unsealed);
      if (owed !== null && owed.checkpoint !== request.checkpoint) {
        await this.#writer.write({ ...owed, vectors: await owed.vectors, log });
        this.#owed = null;
      }
      const vectors = await request.vectors.catch((error: unknown) => {
        if (this.#owed === request) this.#owed = null; // a snapshot that failed can't be written later either
        throw error;
      });
      const written = await this.#writer.write({ ...request, vectors, log });
      if (this.#owed === request) this.#owed = null;
      return written;
    } finally {
      if (owed !== null && owed !== this.#owed) release(owed);
      if (request !== this.#owed) release(request);
    }
  }

  /** The manifest of the checkpoint that was just written names all segments. Nothing waits for this but the next checkpoint. */
  async #tidy(): Promise<void> {
    await this.#journal.tidy(this.#store).catch((error: Error) => {
      this.#onUntidy(`segments of the log could not be merged yet: ${error.message}`);
    });
  }

  #forgetOwed(): void {
    if (this.#owed !== null) release(this.#owed);
    this.#owed = null;
  }
}

/** A snapshot that failed has nothing to give back. */
function release({ vectors }: SaveRequest): void {
  vectors.then(
    (snapshot) => snapshot.release(),
    () => undefined,
  );
}
