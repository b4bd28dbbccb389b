/**
 * Writes checkpoints (DESIGN 6): one commit in whole tensors, objects first, manifest last, all hashed; then
 * forgets old ones, never the newest and never the best. One at a time, in order.
 */
import {
  type CheckpointManifest,
  checkpointManifestKey,
  checkpointPrefix,
  encodeVector,
} from "../shared/checkpoint.js";
import { keepNonFinite } from "../shared/curve.js";
import type { ModelLayout } from "../shared/layout.js";
import { sha256Hex } from "../shared/store/hashed.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import type { Progress } from "./core/state.js";
import type { VectorSnapshot } from "./reducers/pool.js";

export interface CheckpointContent {
  readonly checkpoint: string;
  readonly reason: string;
  readonly layout: ModelLayout;
  readonly progress: Progress;
  readonly vectors: VectorSnapshot;
  /** Keys of the sealed log segments. */
  readonly log: readonly string[];
  readonly best: string | null;
}

export interface WrittenCheckpoint {
  readonly bytes: number;
  readonly weightsSha256: string;
}

export class CheckpointWriter {
  readonly #store: ObjectStore;
  readonly #run: string;
  readonly #keep: number;
  /** Whole ones of this generation, oldest first. */
  #written: string[] = [];

  constructor(store: ObjectStore, run: string, keep: number) {
    this.#store = store;
    this.#run = run;
    this.#keep = keep;
  }

  async write(content: CheckpointContent): Promise<WrittenCheckpoint> {
    const { layout, vectors, checkpoint } = content;
    const files: [string, Uint8Array][] = [
      ["weights.safetensors", encodeVector(layout, vectors.weights)],
      ["adam-m.safetensors", encodeVector(layout, vectors.m)],
      ["adam-v.safetensors", encodeVector(layout, vectors.v)],
      ["state.json", Buffer.from(stateJson(content))],
    ];
    const objects: CheckpointManifest["objects"] = [];
    for (const [name, bytes] of files) {
      const key = `${checkpointPrefix(this.#run, checkpoint)}/${name}`;
      await this.#store.put(key, bytes);
      objects.push({ key, bytes: bytes.byteLength, sha256: sha256Hex(bytes) });
    }
    await this.#writeManifest(content, objects);
    this.#written.push(checkpoint);
    await this.#rotate(content.best);
    return {
      bytes: objects.reduce((sum, object) => sum + object.bytes, 0),
      weightsSha256: objects[0]?.sha256 ?? "",
    };
  }

  async #writeManifest(content: CheckpointContent, objects: CheckpointManifest["objects"]): Promise<void> {
    const manifest: CheckpointManifest = {
      format: "trainyard-checkpoint/1",
      checkpoint: content.checkpoint,
      run: this.#run,
      step: content.progress.step,
      reason: content.reason,
      objects,
      log: [...content.log],
    };
    const key = checkpointManifestKey(this.#run, content.checkpoint);
    await this.#store.put(key, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`), {
      contentType: "application/json",
    });
  }

  /** The manifest goes first, so that a half-deleted checkpoint is none. */
  async #rotate(best: string | null): Promise<void> {
    const kept = new Set([...this.#written.slice(-this.#keep), ...(best === null ? [] : [best])]);
    for (const old of this.#written.filter((checkpoint) => !kept.has(checkpoint))) {
      await this.#store.delete(checkpointManifestKey(this.#run, old));
      for await (const object of this.#store.list(`${checkpointPrefix(this.#run, old)}/`)) {
        await this.#store.delete(object.key);
      }
    }
    this.#written = this.#written.filter((checkpoint) => kept.has(checkpoint));
  }
}

/** Everything a resumed coordinator needs besides the vectors; numbers keep all their bits in JSON. */
function stateJson({ layout, progress, checkpoint }: CheckpointContent): string {
  const { statistics } = progress;
  const state = {
    format: "trainyard-state/1",
    checkpoint,
    layout,
    progress: { ...progress, statistics: undefined },
    statistics: { sums: [...statistics.sums], decay: statistics.decay },
  };
  return `${JSON.stringify(state, keepNonFinite, 1)}\n`;
}
