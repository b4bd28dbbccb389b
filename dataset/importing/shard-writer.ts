/**
 * Writes the shards of an import plan to the store, one at a time, so that an import never holds more than one shard in
 * memory. The bytes of the files are stored unchanged. A file that has changed since it was examined fails the import.
 */

import { mapBounded } from "../../shared/concurrency.js";
import { TrainyardError } from "../../shared/errors.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import type { Manifest, ShardEntry } from "../manifest.js";
import { sha256 } from "./examine-images.js";
import { type ImportPlan, type PlannedSample, splitOrder } from "./import-plan.js";
import { buildTar, memberName, type TarMember } from "./shard-tar.js";

interface WriteOptions {
  onDone(done: number, total: number): void;
  readonly signal?: AbortSignal | undefined;
}

const filesAtATime = 8;

const shardKey = (name: string, shard: number) =>
  `datasets/${name}/shards/${String(shard).padStart(6, "0")}.tar`;

/** Writes all shards and returns the manifest's splits. First removes the shards that an interrupted import has left. */
export async function writeShards(
  store: ObjectStore,
  name: string,
  plan: ImportPlan,
  { onDone, signal }: WriteOptions,
): Promise<Manifest["splits"]> {
  const options = signal === undefined ? {} : { signal };
  for await (const { key } of store.list(`datasets/${name}/shards/`, options))
    await store.delete(key, options);
  const total = splitOrder
    .flatMap((split) => plan.splits[split])
    .reduce((sum, shard) => sum + shard.length, 0);
  const splits: Manifest["splits"] = {
    train: { samples: 0, shards: [] },
    validation: { samples: 0, shards: [] },
  };
  let [shard, done] = [0, 0];
  for (const split of splitOrder) {
    for (const samples of plan.splits[split]) {
      const { entry, tar } = await buildShard(shardKey(name, shard), samples, done, signal);
      await store.put(entry.key, tar, { contentType: "application/x-tar", ...options });
      splits[split].shards.push(entry);
      splits[split].samples += samples.length;
      shard += 1;
      done += samples.length;
      onDone(done, total);
    }
  }
  return splits;
}

/** Builds one shard. `first` is the number of its first sample in the whole data set; it names the tar's members. */
async function buildShard(
  key: string,
  samples: readonly PlannedSample[],
  first: number,
  signal?: AbortSignal,
): Promise<{ entry: ShardEntry; tar: Buffer }> {
  const bodies = await mapBounded(samples, filesAtATime, readUnchanged, signal);
  const members = samples.flatMap(({ label, extension }, index): TarMember[] => [
    { name: memberName(first + index, extension), body: bodies[index] as Uint8Array },
    { name: memberName(first + index, "cls"), body: Buffer.from(String(label)) },
  ]);
  const { tar, offsets } = await buildTar(members);
  const entries = samples.map(({ label, bytes, sha256, image }, index) => ({
    offset: offsets[index * 2] as number,
    bytes,
    label,
    sha256,
    source: image.source,
  }));
  return { entry: { key, bytes: tar.length, sha256: sha256(tar), samples: entries }, tar };
}

async function readUnchanged({ image, sha256: expected }: PlannedSample): Promise<Uint8Array> {
  const bytes = await image.read().catch((cause) => {
    throw new TrainyardError("INPUT", `${image.source} can't be read any more; import again`, { cause });
  });
  if (sha256(bytes) === expected) return bytes;
  throw new TrainyardError("INPUT", `${image.source} changed while it was imported; import again`);
}
