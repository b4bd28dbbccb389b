/**
 * What a process holds, measured after a collection. Resident memory would also count garbage and what the allocator
 * keeps, which depend on the machine and its load.
 *
 * As a preload (`node --import`), this file measures on request in a process that a test starts: at SIGUSR2 every thread
 * collects, and the process writes the sum of their bytes to a file in TEST_HELD_BYTES_FOLDER.
 */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { BroadcastChannel, isMainThread, threadId } from "node:worker_threads";

/** @type {(() => void) | undefined} */
let collect;

/** Bytes in this thread's JavaScript objects and array buffers that something still refers to. */
export function heldBytes() {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = /** @type {() => void} */ (runInNewContext("gc"));
  }
  collect();
  collect(); // The first one runs finalizers, which let go of more.
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const folder = process.env["TEST_HELD_BYTES_FOLDER"];
if (folder !== undefined) measureOnRequest(folder);

/**
 * Threads announce themselves to the main thread, and answer its requests with their bytes.
 * @typedef {{ kind: "here", thread: number } | { kind: "measure" } | { kind: "held", thread: number, bytes: number }} Message
 * @param {string} to
 */
function measureOnRequest(to) {
  const channel = new BroadcastChannel("test-held-bytes");
  channel.unref();
  const post = (/** @type {Message} */ message) => channel.postMessage(message);
  if (!isMainThread) {
    channel.onmessage = (event) => {
      const message = /** @type {{ data: Message }} */ (event).data;
      if (message.kind === "measure") post({ kind: "held", thread: threadId, bytes: heldBytes() });
    };
    post({ kind: "here", thread: threadId });
    return;
  }
  /** @type {Map<number, number | null>} */
  const threads = new Map();
  const answer = () => {
    const others = [...threads.values()];
    if (others.includes(null)) return;
    const bytes = others.reduce((sum, held) => (sum ?? 0) + (held ?? 0), heldBytes());
    const file = join(to, `${process.pid}`);
    writeFileSync(`${file}.partial`, `${bytes}`);
    renameSync(`${file}.partial`, file);
  };
  channel.onmessage = (event) => {
    const message = /** @type {{ data: Message }} */ (event).data;
    if (message.kind === "measure") return;
    threads.set(message.thread, message.kind === "held" ? message.bytes : 0);
    if (message.kind === "held") answer();
  };
  process.on("SIGUSR2", () => {
    for (const thread of threads.keys()) threads.set(thread, null);
    if (threads.size === 0) answer();
    else post({ kind: "measure" });
  });
}
