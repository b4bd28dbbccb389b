/**
 * Writes checkpoints one after the other, while training goes on. When one can't be written, the run goes on without it;
 * but the best checkpoint's weights are nowhere else, so it is kept in memory and written before the next one.
 */
import type { ObjectStore } from "../../shared/store/object-store.js";
import type { Journal } from "../journal.js";
import type { VectorSnapshot } from "../reducers/pool.js";
import type { CheckpointContent, CheckpointWriter, WrittenCheckpoint } from "./checkpoint-writer.js";

export interface SaveRequest extends Omit<CheckpointContent, "vectors" | "log"> {
  /** The vectors are released when the checkpoint is written or given up. */
  readonly vectors: Promise<VectorSnapshot>;
  /** Lines of the journal since the last checkpoint. */
  readonly unsealed: string;
}

export class CheckpointQueue {
  readonly #store: ObjectStore;
  readonly #journal: Journal;
  readonly #writer: Pick<CheckpointWriter, "write">;
  #last: Promise<unknown> = Promise.resolve();
  /** The best checkpoint, as long as it is not in the store. */
  #owed: SaveRequest | null = null;

  constructor(store: ObjectStore, journal: Journal, writer: Pick<CheckpointWriter, "write">) {
    this.#store = store;
    this.#journal = journal;
    this.#writer = writer;
  }

  /** Writes a checkpoint after all that were requested before it. Errors: the store's. */
  save(request: SaveRequest): Promise<WrittenCheckpoint> {
    const saved = this.#last.then(() => this.#save(request));
    this.#last = saved.catch(() => undefined); // its caller sees the error
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
