/**
 * Writes checkpoints (DESIGN 6): one commit in whole tensors, objects first, manifest last, all hashed; then
 * forgets old ones, never the newest and never the best. One at a time, in order.
 */
import { createHash } from "node:crypto";
import {
  type CheckpointManifest,
  checkpointManifestKey,
  checkpointPrefix,
  type HashedObject,
  vectorStream,
} from "../../shared/checkpoint.js";
import type { ModelLayout } from "../../shared/layout.js";
import { bodyBytes, bodyChunks, cut } from "../../shared/store/body.js";
import { encodeDocument } from "../../shared/store/document.js";
import type { ObjectStore, SizedStream } from "../../shared/store/object-store.js";
import type { SavedState } from "../core/state.js";
import type { MomentVector } from "../optimizers/optimizer.js";
import type { WholeVectors } from "../reducers/pool.js";
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
  /** Oldest first; those of former generations too. */
  #kept: string[];
  readonly #written: Map<string, WrittenCheckpoint>;
  /** Tried, and not known to be whole. */
  readonly #begun = new Set<string>();

  constructor(options: CheckpointWriterOptions) {
    const { store, run, keep, momentVectors, former = [], written = new Map(), onLeftover } = options;
    this.#store = store;
    this.#onLeftover = onLeftover ?? (() => undefined);
    this.#run = run;
    this.#keep = keep;
    this.#momentVectors = momentVectors;
    this.#kept = [...former];
    this.#written = new Map(written);
  }

  /** One that is in the store: this coordinator's, or one of those that it was told of. */
  find(checkpoint: string): WrittenCheckpoint | undefined {
    return this.#written.get(checkpoint);
  }

  /** The same commit again is written once. Errors: the store's. */
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
    await this.#writeManifest(content, objects);
    const written = writtenCheckpoint(objects);
    this.#written.set(checkpoint, written);
    this.#begun.delete(checkpoint);
    this.#kept.push(checkpoint);
    await this.#rotate(saved.bestCheckpoint).catch((error: Error) => {
      this.#onLeftover(`old checkpoints could not be deleted yet: ${error.message}`);
    });
    return written;
  }

  /** Hashed on its way, so that a large model is held once. */
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

  /** A manifest whose answer was lost may be there: it must not name objects that are written anew. */
  async #forgetFailed(checkpoint: string): Promise<void> {
    if (this.#begun.has(checkpoint)) await this.#store.delete(checkpointManifestKey(this.#run, checkpoint));
    this.#begun.add(checkpoint);
  }

  async #writeManifest(content: CheckpointContent, objects: CheckpointManifest["objects"]): Promise<void> {
    const manifest: CheckpointManifest = {
      format: "trainyard-checkpoint/1",
      checkpoint: content.checkpoint,
      run: this.#run,
      step: content.saved.progress.step,
      reason: content.reason,
      objects,
      log: [...content.log],
    };
    const key = checkpointManifestKey(this.#run, content.checkpoint);
    await this.#store.put(key, encodeDocument(manifest), {
      contentType: "application/json",
    });
  }

  /** The manifest goes first, so that a half-deleted checkpoint is none. */
  async #rotate(best: string | null): Promise<void> {
    const kept = new Set([...this.#kept.slice(-this.#keep), ...(best === null ? [] : [best])]);
    for (const old of this.#kept.filter((checkpoint) => !kept.has(checkpoint))) {
      await this.#store.delete(checkpointManifestKey(this.#run, old));
      for await (const object of this.#store.list(`${checkpointPrefix(this.#run, old)}/`)) {
        await this.#store.delete(object.key);
      }
    }
    this.#kept = this.#kept.filter((checkpoint) => kept.has(checkpoint));
  }
}

export const writtenCheckpoint = (objects: readonly HashedObject[]): WrittenCheckpoint => ({
  bytes: objects.reduce((sum, object) => sum + object.bytes, 0),
  weightsSha256: objects.find(({ key }) => key.endsWith("/weights.safetensors"))?.sha256 ?? "",
});
