/**
 * Writes checkpoints: the weights and moments after one step as whole tensors, and the core's state, all hashed; the
 * manifest comes last. Then it deletes old checkpoints, never the newest and never the best. One write at a time.
 */
import { createHash } from "node:crypto";
import {
  type CheckpointManifest,
  checkpointPrefix,
  type HashedObject,
  vectorStream,
} from "../../shared/checkpoint.js";
import type { ModelLayout } from "../../shared/layout.js";
import { bodyBytes, bodyChunks, cut } from "../../shared/store/body.js";
import type { ObjectStore, SizedStream } from "../../shared/store/object-store.js";
import type { SavedState } from "../core/state.js";
import type { MomentVector } from "../optimizers/optimizer.js";
import type { WholeVectors } from "../reducers/pool.js";
import { deleteCheckpoint, withdrawManifest, writeManifest } from "./checkpoint-manifest.js";
import { encodeState } from "./checkpoint-state.js";

export interface CheckpointContent {
  readonly checkpoint: string;
  readonly reason: string;
  readonly layout: ModelLayout;
  readonly saved: SavedState;
  readonly vectors: WholeVectors;
  readonly log: readonly HashedObject[];
}

export interface WrittenCheckpoint {
  readonly bytes: number;
  readonly weightsSha256: string;
}

export interface CheckpointWriterOptions {
  readonly store: ObjectStore;
  readonly run: string;
  /** How many checkpoints are kept, besides the best one. */
  readonly keep: number;
  /** The vectors that the run's optimizer keeps beside the weights. */
  readonly momentVectors: readonly MomentVector[];
  /** Checkpoints of former generations that this run goes on from, oldest first. Default: none. */
  readonly former?: readonly string[];
  /** Checkpoints of former generations that nothing rests on: they are deleted after the next write. Default: none. */
  readonly abandoned?: readonly string[];
  /** Size and hash of those former checkpoints that were read. */
  readonly written?: ReadonlyMap<string, WrittenCheckpoint>;
  /** Is called with a sentence when old checkpoints could not be deleted; the next write tries again. */
  readonly onLeftover?: (message: string) => void;
}

export class CheckpointWriter {
  readonly #store: ObjectStore;
  readonly #run: string;
  readonly #keep: number;
  readonly #momentVectors: readonly MomentVector[];
  readonly #onLeftover: (message: string) => void;
  /** Checkpoints in the store, oldest first; those of former generations too. */
  #kept: string[];
  readonly #written: Map<string, WrittenCheckpoint>;
  /** Checkpoints whose writing began and is not known to have succeeded. */
  readonly #begun = new Set<string>();
  /** Checkpoints of former generations that nothing rests on and that are not deleted yet. */
  readonly #abandoned: Set<string>;

  constructor(options: CheckpointWriterOptions) {
    const { store, run, keep, momentVectors, former = [], abandoned = [], written = new Map() } = options;
    this.#store = store;
    this.#onLeftover = options.onLeftover ?? (() => undefined);
    this.#abandoned = new Set(abandoned);
    this.#run = run;
    this.#keep = keep;
    this.#momentVectors = momentVectors;
    this.#kept = [...former];
    this.#written = new Map(written);
  }

  /** Size and hash of a checkpoint that this coordinator wrote, or was given as `written`; undefined for any other. */
  find(checkpoint: string): WrittenCheckpoint | undefined {
    return this.#written.get(checkpoint);
  }

  /** Writes a checkpoint: objects first, manifest last. The same checkpoint again is not written again. Errors: the store's. */
  async write(content: CheckpointContent): Promise<WrittenCheckpoint> {
    const { layout, vectors, checkpoint, saved } = content;
    const former = this.#written.get(checkpoint);
    if (former !== undefined) return former;
    const files: [string, Uint8Array | SizedStream][] = [
      ["weights.safetensors", vectorStream(layout, vectors.weights)],
      ...this.#momentVectors.map(({ file }, index): [string, SizedStream] => [
        file,
        vectorStream(layout, vectors.moments[index] as Float32Array),
      ]),
      ["state.json", encodeState(checkpoint, layout, saved)],
    ];
    await this.#forgetFailed(checkpoint);
    const objects: CheckpointManifest["objects"] = [];
    for (const [name, body] of files) {
      objects.push(await this.#put(`${checkpointPrefix(this.#run, checkpoint)}/${name}`, body));
    }
    await writeManifest(this.#store, {
      format: "trainyard-checkpoint/1",
      checkpoint,
      run: this.#run,
      step: saved.progress.step,
      reason: content.reason,
      objects,
      log: [...content.log],
    });
    const written = writtenCheckpoint(objects);
    this.#written.set(checkpoint, written);
    this.#begun.delete(checkpoint);
    this.#kept.push(checkpoint);
    await this.#rotate(saved.bestCheckpoint).catch((error: Error) => {
      this.#onLeftover(`old checkpoints could not be deleted yet: ${error.message}`);
    });
    return written;
  }

  /** Computes the hash while the body is sent, so that a large model is held in memory once. */
  async #put(key: string, body: Uint8Array | SizedStream): Promise<HashedObject> {
    const hash = createHash("sha256");
    async function* hashed() {
      for await (const chunk of bodyChunks(key, body)) {
        for (const piece of cut(chunk)) {
          hash.update(piece);
          yield piece;
        }
      }
    }
    const bytes = bodyBytes(body);
    await this.#store.put(key, { bytes, chunks: hashed() });
    return { key, bytes, sha256: hash.digest("hex") };
  }

  /** The manifest of an attempt whose answer was lost may be in the store: it must not name objects written anew. */
  async #forgetFailed(checkpoint: string): Promise<void> {
    if (this.#begun.has(checkpoint)) await withdrawManifest(this.#store, this.#run, checkpoint);
    this.#begun.add(checkpoint);
  }

  /** Deletes old checkpoints, and what interrupted ones left. A checkpoint that is written again later begins anew. */
  async #rotate(best: string | null): Promise<void> {
    const kept = new Set([...this.#kept.slice(-this.#keep), ...(best === null ? [] : [best])]);
    for (const old of this.#kept.filter((checkpoint) => !kept.has(checkpoint)))
      await deleteCheckpoint(this.#store, this.#run, old);
    this.#kept = this.#kept.filter((checkpoint) => kept.has(checkpoint));
    for (const leftovers of [this.#begun, this.#abandoned]) {
      for (const checkpoint of leftovers) {
        await deleteCheckpoint(this.#store, this.#run, checkpoint);
        leftovers.delete(checkpoint);
      }
    }
  }
}

/** What a checkpoint's objects say about it. */
export const writtenCheckpoint = (objects: readonly HashedObject[]): WrittenCheckpoint => ({
  bytes: objects.reduce((sum, object) => sum + object.bytes, 0),
  weightsSha256: objects.find(({ key }) => key.endsWith("/weights.safetensors"))?.sha256 ?? "",
});
