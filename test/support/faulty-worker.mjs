/**
 * A worker with a fault, as a process: the real one, built, but for what it is told to get wrong.
 *   node faulty-worker.mjs KIND COORDINATOR ID
 * liar: flips one bit of every sum that it sends, and says nothing. slow: takes ten times as long for a lane.
 * infinite: calls every lane not finite. blind: finds every sample damaged that it reads in training.
 */
import { setTimeout as sleep } from "node:timers/promises";

/** @typedef {import("../../worker/dependencies.js").WorkerDependencies} WorkerDependencies */
/** @typedef {import("../../worker/prepared-run.js").PreparedRun} PreparedRun */
/** @typedef {import("../../worker/engine-calls.js").EngineCalls} EngineCalls */

/** @param {string} path */
const built = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);
/** @type {typeof import("../../worker/worker.js")} */
const { runWorker } = await built("worker/worker.js");
/** @type {typeof import("../../worker/dependencies.js")} */
const { realDependencies } = await built("worker/dependencies.js");
/** @type {typeof import("../../shared/metrics.js")} */
const { workerMetrics } = await built("shared/metrics.js");
/** @type {typeof import("../../shared/log.js")} */
const { createLogger } = await built("shared/log.js");
/** @type {typeof import("../../shared/errors.js")} */
const { TrainyardError } = await built("shared/errors.js");
/** @type {typeof import("../../dataset/damaged-sample-error.js")} */
const { DamagedSampleError } = await built("dataset/damaged-sample-error.js");

const [kind, coordinator = "", id = ""] = process.argv.slice(2);

/**
 * A lane as the engine has it, or as the fault does.
 * @param {PreparedRun["engine"]} engine
 * @param {EngineCalls["lane"][0]} input
 */
async function lane(engine, input) {
  const reply = await engine.call("lane", input);
  if (kind === "slow") await sleep(9_000 * reply.seconds);
  return kind === "infinite" ? { ...reply, output: { ...reply.output, finite: false } } : reply;
}

/** @param {Float32Array} vector */
function flipped(vector) {
  const copy = vector.slice();
  const words = new Uint32Array(copy.buffer);
  words[7] = (words[7] ?? 0) ^ (1 << 22);
  return copy;
}

/** @type {WorkerDependencies} */
const dependencies = {
  ...realDependencies,
  openPartials: (options) => {
    const sender = realDependencies.openPartials(options);
    if (kind !== "liar") return sender;
    return {
      send: (at, node, vector) => sender.send(at, node, flipped(vector)),
      sendAudit: (at, node, vector) => sender.sendAudit(at, node, flipped(vector)),
      sendInitial: (vector) => sender.sendInitial(vector),
      close: () => sender.close(),
    };
  },
  prepareRun: async (...args) => {
    const place = await realDependencies.prepareRun(...args);
    /** @type {PreparedRun["engine"]["call"]} */
    const call = (name, input) =>
      name === "lane"
        ? /** @type {never} */ (lane(place.engine, /** @type {EngineCalls["lane"][0]} */ (input)))
        : place.engine.call(name, input);
    const engine = {
      call,
      get isDead() {
        return place.engine.isDead;
      },
      close: () => place.engine.close(),
    };
    if (kind !== "blind") return { ...place, engine };
    /** @type {PreparedRun["batches"]} */
    const batches = {
      shares: (at) => place.batches.shares(at),
      samplesOf: (at) => place.batches.samplesOf(at),
      prefetch: () => undefined,
      of: async (at) => {
        const sample = place.batches.samplesOf(at)[0] ?? 0;
        throw new DamagedSampleError([
          { sample, key: "its memory", isMissing: false, reason: `sample ${sample} reads wrong` },
        ]);
      },
    };
    return { ...place, engine, batches };
  },
};

const drain = new AbortController();
process.once("SIGTERM", () => drain.abort());
try {
  await runWorker({
    coordinator,
    id,
    metricsAddress: "",
    logger: createLogger({ role: "worker", level: "info" }),
    metrics: workerMetrics(),
    signal: drain.signal,
    dependencies,
  });
} catch (error) {
  console.error(String(error));
  process.exitCode = error instanceof TrainyardError ? error.exitCode : 1;
}
