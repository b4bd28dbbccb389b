/**
 * The faults of the drill: each waits for its moment, hurts a part of a cluster under training, waits for the next
 * commit, and until everybody is back. What is seen is returned; nothing is judged here.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { type ClusterProcess, endInWords } from "../local-cluster/cluster-process.js";
import type { LocalCluster } from "../local-cluster/local-cluster.js";
import { ExitCode, TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import { fetchStatus, hasEnded, type RunStatus } from "../shared/status.js";
import type { ScratchStore } from "./scratch-store.js";
import type { FaultName, FaultSeen } from "./verdict.js";
import { lookMs, type RunWatch, type Sighting, samplesRedone, workersCutOff } from "./watch.js";

/** A run under training, and everything of it that can be hurt. */
export interface Arena {
  readonly run: string;
  /** HTTP address of the coordinator; the same after a restart. */
  readonly http: string;
  readonly cluster: LocalCluster;
  readonly watch: RunWatch;
  readonly store: ScratchStore;
  readonly workers: number;
  /** When the coordinator last said that it takes workers (performance.now, ms). */
  readonly readyMs: () => number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** A run's first steps: TensorFlow is loaded and graphs are recorded. */
const beginMs = 300_000;
/** No commit for so long is the end of the drill. */
const commitMs = 180_000;
/** A worker that was started again or woken computes by then. */
const returnMs = 180_000;
/** A frozen worker stays so until it must have been noticed, however it is. */
const frozenMs = limits.lostAfterMs + 2_000;
/** A coordinator is paused for longer than a worker may be silent, and shorter than after which it is taken over. */
const pausedMs = limits.lostAfterMs + 2_000;
/** A store is away for so long, and until a checkpoint was due; less when the run would end meanwhile. */
const storeAwayMs = 5_000;
const storeAwayMaxMs = 20_000;
/** What a run must still have before it, so that it goes on after a fault; of a store, epochs. */
const stepsAhead = 4;
const epochsAhead = 3;

/** What was under way when the fault came. */
interface Blow {
  readonly sinceMs: number;
  readonly generation: number;
  readonly step: number;
}

interface Act {
  readonly what: Pick<FaultSeen, "fault" | "how" | "target">;
  readonly strike: () => void | Promise<void>;
  /** Returns the seconds until all were back, or null when the run ended before. */
  readonly recover: (blow: Blow, arena: Arena) => Promise<number | null>;
}

/** Returns null when the run was over before the fault could be made. Errors: FAILED naming what did not come back; the signal's. */
export async function inflict(fault: FaultName, arena: Arena): Promise<FaultSeen | null> {
  arena.say(`   waiting for a step in which all workers compute, for the ${fault}`);
  const moment = await momentFor(fault, arena);
  if (moment === null) return null;
  return await carryOut(actOf(fault, arena, moment), arena, moment);
}

function actOf(fault: FaultName, arena: Arena, moment: RunStatus): Act {
  const target = moment.workers.findLast(({ lanes }) => lanes.length > 0)?.id ?? "worker-1";
  switch (fault) {
    case "worker":
      return killWorker(arena, target);
    case "frozen worker":
      return freezeWorker(arena, target);
    case "drained worker":
      return drainWorker(arena, target);
    case "coordinator":
      return killCoordinator(arena);
    case "paused coordinator":
      return pauseCoordinator(arena);
    case "store":
      return takeStoreAway(arena, moment.epoch);
    case "full disk":
      return fillDisk(arena, moment.epoch);
  }
}

/** The cluster starts it again. */
function killWorker(arena: Arena, target: string): Act {
  const killed = arena.cluster.process(target);
  return {
    what: { fault: "worker", how: "SIGKILL", target },
    strike: () => killed.kill("SIGKILL"),
    recover: async (blow) => {
      await nextCommits(arena, blow, 1);
      return await allBack(arena, blow, () => arena.cluster.process(target) !== killed);
    },
  };
}

/** Frozen through the steps after the one that it holds up, too. */
function freezeWorker(arena: Arena, target: string): Act {
  const frozen = arena.cluster.process(target);
  return {
    what: { fault: "frozen worker", how: "SIGSTOP", target },
    strike: () => frozen.kill("SIGSTOP"),
    recover: async (blow) => {
      try {
        await nextCommits(arena, blow, 3);
        await arena.watch.until("the end of the frost", 2 * frozenMs, (latest) =>
          isOver(latest) || performance.now() - blow.sinceMs >= frozenMs ? true : null,
        );
      } finally {
        frozen.kill("SIGCONT");
      }
      arena.say(`   ${target} is woken`);
      return await allBack(arena, blow, () => true);
    },
  };
}

/** Drains a worker: it hands its lanes back and exits with code 3. The drill starts it again. */
function drainWorker(arena: Arena, target: string): Act {
  const drained = arena.cluster.process(target);
  return {
    what: { fault: "drained worker", how: "SIGTERM", target },
    strike: () => drained.kill("SIGTERM"),
    recover: async (blow) => {
      await nextCommits(arena, blow, 1);
      await leaveInOrder(arena, drained);
      if (isOver(arena.watch.latest)) return null;
      arena.cluster.startWorker(target);
      return await allBack(arena, blow, () => true);
    },
  };
}

async function leaveInOrder({ watch }: Arena, drained: ClusterProcess): Promise<void> {
  const what = `${drained.name} to leave`;
  await watch.until(what, limits.drainMs + 2_000, () => (drained.isOver ? true : null));
  const end = await drained.ended;
  if (end.code === ExitCode.interrupted || end.code === ExitCode.finished) return;
  throw new TrainyardError("FAILED", `${drained.name} was drained and ended with ${endInWords(end)}, not 3`);
}

/** The cluster starts it again, and the workers find it. */
function killCoordinator(arena: Arena): Act {
  const killed = arena.cluster.process("coordinator");
  return {
    what: { fault: "coordinator", how: "SIGKILL", target: "coordinator" },
    strike: () => killed.kill("SIGKILL"),
    recover: async (blow) => {
      await nextCommits(arena, blow, 1);
      const awaySeconds = seconds(blow.sinceMs, arena.readyMs());
      await allBack(arena, blow, ({ generation = 0 }) => generation > blow.generation);
      return awaySeconds;
    },
  };
}

/**
 * Longer than the silence after which a worker would count as lost. The time is counted against no worker. Workers may lose
 * the connection meanwhile, and then come back by themselves.
 */
function pauseCoordinator({ cluster, say }: Arena): Act {
  const paused = cluster.process("coordinator");
  return {
    what: { fault: "paused coordinator", how: "SIGSTOP", target: "coordinator" },
    strike: () => paused.kill("SIGSTOP"),
    recover: async (blow, arena) => {
      try {
        await sleep(pausedMs, undefined, { signal: arena.signal });
      } finally {
        paused.kill("SIGCONT");
      }
      const awaySeconds = seconds(blow.sinceMs, performance.now());
      say("   the coordinator goes on");
      await nextCommits(arena, blow, 1);
      return awaySeconds;
    },
  };
}

/** Away until a checkpoint was due, so that one finds no store. */
function takeStoreAway({ store }: Arena, epoch: number): Act {
  return {
    what: { fault: "store", how: store.how, target: store.kind },
    strike: store.takeAway,
    recover: async (blow, arena) => {
      await missCheckpoint(arena, blow, epoch).finally(() => store.putBack());
      return await commitAfter(arena, blow, "the store is back");
    },
  };
}

/** Full until a checkpoint could not be written, which the run's status must say. */
function fillDisk({ store }: Arena, epoch: number): Act {
  const { disk } = store;
  if (disk === null) throw new Error("invariant broken: a disk is to be filled where there is none");
  return {
    what: { fault: "full disk", how: "filled", target: store.kind },
    strike: () => disk.fill(),
    recover: async (blow, arena) => {
      const wasSaid = await missCheckpoint(arena, blow, epoch).finally(() => disk.free());
      if (!wasSaid)
        throw new TrainyardError(
          "FAILED",
          "the disk was full, and the run's status did not say what is at risk",
        );
      return await commitAfter(arena, blow, "the disk has room again");
    },
  };
}

/** Waits until a checkpoint was due. True when the run's status said meanwhile that work is only in memory. */
async function missCheckpoint({ watch }: Arena, { sinceMs }: Blow, epoch: number): Promise<boolean> {
  let wasSaid = false;
  await watch.until("a checkpoint that can't be written", 2 * storeAwayMaxMs, (latest) => {
    wasSaid ||= latest?.atRisk !== undefined;
    const awayMs = performance.now() - sinceMs;
    if (awayMs >= storeAwayMaxMs || isOver(latest)) return true;
    if (latest === null) return null;
    const wasMissed = awayMs >= storeAwayMs && latest.epoch > epoch;
    return wasMissed || latest.epochs - latest.epoch <= 1 ? true : null;
  });
  return wasSaid;
}

/** Waits for a commit from now on. Returns the seconds from the blow to now. */
async function commitAfter({ watch, say }: Arena, { sinceMs }: Blow, what: string): Promise<number> {
  const backMs = performance.now();
  say(`   ${what}`);
  await watch.until("a commit with the store back", commitMs, (latest) =>
    isOver(latest) || watch.commitsSince(backMs).length > 0 ? true : null,
  );
  return seconds(sinceMs, backMs);
}

async function carryOut({ what, strike, recover }: Act, arena: Arena, moment: RunStatus): Promise<FaultSeen> {
  const { run, http, watch, say, signal } = arena;
  const isCoordinator = what.fault === "coordinator";
  const isPause = what.fault === "paused coordinator";
  const redoneBefore = await samplesRedone(http, signal);
  const cutBefore = isPause ? ((await workersCutOff(http, signal)) ?? 0) : null;
  const sinceMs = performance.now();
  await strike();
  say(`   ${nameOf(what)}: ${what.how}, in step ${moment.step}`);
  // A commit that was there already is not the next one, though it is seen only now.
  const under = isCoordinator || isPause ? (watch.latest ?? moment) : await fetchStatus(http, run, signal);
  const blow = { sinceMs, generation: moment.generation ?? 0, step: Math.max(moment.step, under.step) };
  const secondsAway = await recover(blow, arena);
  const commits = nextOf(watch, blow).map(({ atMs }) => atMs);
  const redoneAfter = isCoordinator ? null : await samplesRedone(http, signal);
  const secondsToNextCommit = seconds(sinceMs, commits[0] ?? performance.now());
  say(`   the next commit came after ${secondsToNextCommit.toFixed(2)} s`);
  return {
    ...what,
    run,
    step: blow.step,
    secondsToNextCommit,
    longestPauseSeconds: longestPause([sinceMs, ...commits]),
    laterPauseSeconds: longestPause(commits),
    secondsAway,
    secondsFromBack:
      (isCoordinator || isPause) && secondsAway !== null ? secondsToNextCommit - secondsAway : null,
    workersCutOff: cutBefore === null ? null : ((await workersCutOff(http, signal)) ?? 0) - cutBefore,
    stepsRedone: isCoordinator ? blow.step - wentOnFrom(watch, blow) : 0,
    samplesRedone: Math.max(0, (redoneAfter ?? redoneBefore ?? 0) - (redoneBefore ?? 0)),
  };
}

/** The step of the checkpoint from which the next coordinator went on: the first thing that it tells. */
const wentOnFrom = (watch: RunWatch, { generation, step }: Blow) =>
  watch.sightings.find((sighting) => sighting.generation > generation)?.step ?? step;

/** A step that has just begun, all workers in the run, and enough of the run to come; null when it is over. */
async function momentFor(fault: FaultName, { watch, workers, run }: Arena): Promise<RunStatus | null> {
  const found = await watch.until(`a step of ${run} in which all workers compute`, beginMs, (latest) => {
    if (latest === null) return null;
    if (isOver(latest) || !isAhead(fault, latest)) return "over";
    const hasBegun = performance.now() - (watch.sightings.at(-1)?.atMs ?? 0) <= 3 * lookMs;
    return hasBegun && isTrainedByAll(latest, workers) && isInside(latest) ? latest : null;
  });
  return found === "over" ? null : found;
}

const isOver = (latest: RunStatus | null) =>
  latest !== null && (hasEnded(latest.phase) || latest.phase === "exporting");

const isOfStore = (fault: FaultName) => fault === "store" || fault === "full disk";

const isAhead = (fault: FaultName, { step, steps, epoch, epochs }: RunStatus) =>
  steps - step > stepsAhead && (!isOfStore(fault) || epochs - epoch > epochsAhead);

const readyWorkers = ({ workers }: RunStatus) => workers.filter(({ state }) => state !== "preparing");

const isTrainedByAll = (latest: RunStatus, workers: number) =>
  latest.phase === "training" &&
  readyWorkers(latest).length === workers &&
  latest.workers.some(({ lanes }) => lanes.length > 0);

/** Not next to an evaluation, which would be timed as well. */
const isInside = ({ stepInEpoch, stepsPerEpoch }: RunStatus) =>
  stepsPerEpoch < 4 || (stepInEpoch > 0 && stepInEpoch < stepsPerEpoch - 2);

/** Commits after the blow; those of a later coordinator count whatever their number. */
const nextOf = (watch: RunWatch, { sinceMs, generation, step }: Blow): Sighting[] =>
  watch
    .commitsSince(sinceMs)
    .filter(
      (commit) => commit.generation > generation || (generation === commit.generation && commit.step > step),
    );

async function nextCommits({ watch, run }: Arena, blow: Blow, count: number): Promise<void> {
  await watch.until(`the next commit of ${run}`, commitMs, (latest) =>
    nextOf(watch, blow).length >= count || (latest !== null && hasEnded(latest.phase)) ? true : null,
  );
  if (nextOf(watch, blow).length > 0) return;
  throw new TrainyardError(
    "FAILED",
    `the run ${run} ended without a commit after the fault: give it more --epochs`,
  );
}

async function allBack(
  { watch, workers }: Arena,
  { sinceMs }: Blow,
  isAnew: (latest: RunStatus) => boolean,
): Promise<number | null> {
  const found = await watch.until("all workers to compute again", returnMs, (latest) => {
    if (latest === null) return null;
    if (isOver(latest)) return "over";
    return readyWorkers(latest).length === workers && isAnew(latest) ? "back" : null;
  });
  return found === "over" ? null : seconds(sinceMs, performance.now());
}

const nameOf = ({ fault, target }: Act["what"]) => (/worker/.test(fault) ? target : `the ${fault}`);

const seconds = (fromMs: number, toMs: number) => (toMs - fromMs) / 1000;

/** Seconds between two that follow one another, at most. */
const longestPause = (timesMs: readonly number[]) =>
  Math.max(0, ...timesMs.slice(1).map((atMs, index) => seconds(timesMs[index] ?? atMs, atMs)));
