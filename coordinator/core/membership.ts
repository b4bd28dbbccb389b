/** Who is in the run: welcome, refusal, readiness, loss. What a membership change does to work under way is
 * the phases' business (step, evaluation, ending); they are asked after every change. */

import type { WireFingerprint } from "../../shared/grpc/control-messages.js";
import { protocolVersion } from "../../shared/grpc/version.js";
import { layoutHash, ModelLayout } from "../../shared/layout.js";
import { limits } from "../../shared/limits.js";
import { emptyStatistics } from "../../shared/statistics.js";
import type { HelloEvent } from "./events.js";
import type { CoreState } from "./state.js";
import type { Turn } from "./turn.js";

/** Why a worker is not taken, or null. `retry`: the reason may pass. */
export function refusal(state: CoreState, hello: HelloEvent): { message: string; retry: boolean } | null {
  if (hello.protocol !== protocolVersion) {
    return {
      retry: false,
      message: `the worker speaks protocol ${hello.protocol} (Trainyard ${hello.version || "unknown"}), the coordinator ${protocolVersion} (Trainyard ${state.run.version}): install one version on both`,
    };
  }
  if (minorOf(hello.version) !== minorOf(state.run.version)) {
    return {
      retry: false,
      message: `the worker is Trainyard ${hello.version || "of no version"}, the coordinator ${state.run.version}: install one version on both`,
    };
  }
  if (hello.fingerprint === null) return { retry: false, message: "the worker sent no engine fingerprint" };
  if (state.workers.size >= mostMembers(state)) {
    return { retry: true, message: `${state.workers.size} workers are here already: more than find work` };
  }
  return refusedFingerprint(state, hello.fingerprint);
}

/** Most members of the run: one worker per lane and as many spares, and at least a fleet of spares. */
const mostMembers = ({ run: { dimensions } }: CoreState) =>
  Math.max(limits.spares, 2 * dimensions.spec.lanes);

const minorOf = (version: string) => version.split(".").slice(0, 2).join(".");

function refusedFingerprint(state: CoreState, fingerprint: WireFingerprint) {
  const first = state.membership.fingerprints[0];
  if (first === undefined) return null;
  if (state.run.dimensions.spec.allowMixed) return refusedKind(state, fingerprint);
  const difference = differenceOf(first, fingerprint);
  if (difference === null) return null;
  return {
    retry: false,
    message: `the worker's ${difference}: its bits would differ. Use equal machines, or --allow-mixed to give up equal bits`,
  };
}

/** Refuses a new kind of machine when there are too many: each kind is kept in checkpoints and in the result. */
function refusedKind({ membership: { fingerprints } }: CoreState, fingerprint: WireFingerprint) {
  const isKnown = fingerprints.some((known) => differenceOf(known, fingerprint) === null);
  if (isKnown || fingerprints.length < limits.machineKinds) return null;
  return { retry: false, message: `it would be the run's ${fingerprints.length + 1}th kind of machine` };
}

function differenceOf(first: WireFingerprint, other: WireFingerprint): string | null {
  if (first.tensorflow !== other.tensorflow) {
    return `TensorFlow is ${other.tensorflow}, the run's is ${first.tensorflow}`;
  }
  if (first.device !== other.device) return `device is "${other.device}", the run's is "${first.device}"`;
  if (first.nodeMajor !== other.nodeMajor)
    return `Node is ${other.nodeMajor}, the run's is ${first.nodeMajor}`;
  return null;
}

/** Takes a worker into the run, or refuses it. */
export function admit(turn: Turn, hello: HelloEvent): boolean {
  const reason = refusal(turn.state, hello);
  if (reason !== null) {
    turn.send(hello.worker, { kind: "refused", code: "REFUSED", ...reason });
    turn.do({ tag: "disconnect", worker: hello.worker, reason: reason.message });
    turn.log("warn", `refused worker ${hello.worker}: ${reason.message}`, { worker: hello.worker });
    return false;
  }
  if (hello.version !== turn.state.run.version) {
    turn.log(
      "warn",
      `worker ${hello.worker} is Trainyard ${hello.version}, this is ${turn.state.run.version}`,
    );
  }
  const worker = {
    id: hello.worker,
    order: turn.state.membership.joined,
    host: hello.host,
    fingerprint: hello.fingerprint as WireFingerprint,
    tag: "preparing" as const,
    sinceMs: turn.nowMs,
    heardMs: turn.nowMs,
    doing: "prepare",
    shares: [],
    lastShare: 0,
    settledMs: turn.nowMs,
    laneMs: [],
    measuredStep: 0,
    isLateLogged: false,
  };
  turn.set({ workers: new Map(turn.state.workers).set(hello.worker, worker) });
  turn.change("membership", { joined: turn.state.membership.joined + 1 });
  turn.do({ tag: "welcome", worker: hello.worker });
  turn.log("info", `worker ${hello.worker} joined from ${hello.host}`, { worker: hello.worker });
  return true;
}

/** A worker has data, engine and graphs. The first one's layout is the run's; later ones must agree. */
export function makeReady(turn: Turn, id: string, layoutJson: string): void {
  // Its slices were named to it: once more, and it would open all its streams again.
  if (turn.state.workers.get(id)?.tag === "ready") return turn.drop(id, "duplicate");
  const layout = parseLayout(layoutJson);
  const message = refusedAsReady(turn.state, id, layout);
  if (layout === null || message !== null) {
    turn.send(id, { kind: "refused", code: "REFUSED", message: message ?? "", retry: false });
    turn.do({ tag: "disconnect", worker: id, reason: message ?? "" });
    return;
  }
  turn.worker(id, { tag: "ready", sinceMs: turn.nowMs, doing: "idle" });
  turn.change("membership", { preparationCuts: 0 });
  rememberFingerprint(turn, id);
  turn.log("info", `worker ${id} is ready`, { worker: id, workers: turn.ready.length });
  if (turn.state.model.slices.tag === "none") {
    if (turn.state.model.layout === null) turn.advance({ statistics: emptyStatistics(layout) });
    turn.change("model", { layout, slices: { tag: "starting", sinceMs: turn.nowMs } });
    turn.do({ tag: "startSlices", layout });
  } else if (turn.state.model.slices.tag === "up") {
    turn.do({ tag: "nameSlices", worker: id });
  }
}

/** Checks layout and fingerprint. The fingerprint is checked again because two workers may have prepared at the same time. */
function refusedAsReady(state: CoreState, id: string, layout: ModelLayout | null): string | null {
  if (
    layout === null ||
    (state.model.layout !== null && layoutHash(state.model.layout) !== layoutHash(layout))
  ) {
    return "the worker's model has other parameters than the run's: install one version on both";
  }
  const fingerprint = state.workers.get(id)?.fingerprint;
  return fingerprint === undefined ? null : (refusedFingerprint(state, fingerprint)?.message ?? null);
}

function parseLayout(json: string): ModelLayout | null {
  try {
    return ModelLayout.parse(JSON.parse(json));
  } catch {
    return null;
  }
}

function rememberFingerprint(turn: Turn, id: string): void {
  const fingerprint = turn.state.workers.get(id)?.fingerprint;
  if (fingerprint === undefined) return;
  const { fingerprints } = turn.state.membership;
  if (fingerprints.some((other) => differenceOf(other, fingerprint) === null)) return;
  turn.change("membership", { fingerprints: [...fingerprints, fingerprint] });
  const [first] = fingerprints;
  if (first === undefined) return;
  const what = differenceOf(first, fingerprint);
  turn.log(
    "warn",
    `worker ${id} is another kind of machine (--allow-mixed): ${what}; equal bits are given up`,
    {
      worker: id,
    },
  );
}

export function remove(turn: Turn, id: string, reason: string): void {
  if (!turn.state.workers.has(id)) return;
  const workers = new Map(turn.state.workers);
  workers.delete(id);
  turn.set({ workers });
  if (turn.state.phase.tag !== "ended") {
    turn.log("warn", `worker ${id} left: ${reason}`, { worker: id, workers: workers.size });
  }
}
