/**
 * Decides whether this coordinator may take a run. It may not when the run has finished, or while another coordinator
 * holds it. A coordinator that does not answer is watched in the store, where a living one renews its record. This code
 * only decides and waits; ownership.ts takes the run by an exclusive creation, so a wrong answer here costs time and
 * never changes a result.
 */
import { hostname, networkInterfaces } from "node:os";
import type { Clock } from "../../shared/clock.js";
import { TrainyardError } from "../../shared/errors.js";
import {
  changesOf,
  type GenerationEntry,
  type GenerationRecord,
  newestGeneration,
} from "../../shared/generations.js";
import { limits } from "../../shared/limits.js";
import { throwIfAborted } from "../../shared/retry.js";
import { ClientSecurity, noSecurity } from "../../shared/security/client-security.js";
import type { ServerSecurity } from "../../shared/security/server-security.js";
import type { SpecChanges } from "../../shared/spec-changes.js";
import { fetchLifeSign, isRefusedConnection, type LifeSign, readEndRecord } from "../../shared/status.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { isOutage } from "../store-outages.js";

/** The answer at the address of a run's former owner. */
export type OwnerAnswer =
  /** It still coordinates the run. */
  | "running"
  /** It is still there to show that the run has ended. */
  | "ended"
  /** This machine answers that no process listens at the address: the owner has died. */
  | "gone"
  /** Another machine, or a proxy for it, answers that no process listens: the owner has probably died. */
  | "refused"
  /** There is no answer, or another process answers: the owner may be alive. */
  | "silent";

/** The run to be taken, and what the decision needs. */
export interface TakeoverOptions {
  readonly store: ObjectStore;
  readonly run: string;
  /** What is taken, as messages name it. Default: the run. */
  readonly subject?: string;
  readonly clock: Clock;
  /** Called once when there is something to wait for, with a sentence that names it. */
  readonly onWaiting: (sentence: string) => void;
  readonly signal?: AbortSignal;
  /** Default: asks over HTTP. */
  readonly ask?: (record: GenerationRecord, run: string) => Promise<OwnerAnswer>;
}

/** A run that is free to take. */
export interface Vacancy {
  /** The highest number that is taken; 0 = none. */
  readonly last: number;
  /** What former coordinators changed in the spec. */
  readonly changes: SpecChanges;
  /** Sentences for people: how the run became free to take. */
  readonly notes: readonly string[];
}

/**
 * Waits until the run is free to take. Errors: ALREADY_EXISTS when the run has finished or has an owner, naming it;
 * INTERRUPTED; the store's.
 */
export async function findVacancy(options: TakeoverOptions): Promise<Vacancy> {
  const { store, run, signal } = options;
  for (;;) {
    const newest = await newestGeneration(store, run, signal);
    if (newest?.tag === "closed") throw finished(run);
    const vacancy = { last: newest?.generation ?? 0, changes: changesOf(newest), notes: [] };
    if (newest?.tag !== "owner") return vacancy;
    if ((await readEndRecord(store, run, newest.generation, signal)) !== null) return vacancy;
    const answer = await (options.ask ?? askOwner)(newest.record, run);
    if (answer === "running") throw owned(options, newest.record);
    if (answer === "ended" || answer === "gone") return vacancy;
    const silenceMs = answer === "refused" ? limits.takeoverRefusedMs : limits.takeoverMs;
    const watched = await watch(options, newest, silenceMs);
    if (watched === "renewed")
      throw owned(options, newest.record, ". It does not answer here, but renews its claim.");
    if (watched === "unchanged") return { ...vacancy, notes: [takenFrom(newest.record, silenceMs)] };
  }
}

/** Asks the former owner of a run; see askAt. */
export function askOwner(
  record: Pick<GenerationRecord, "http" | "host">,
  run: string,
  security: ClientSecurity = noSecurity,
): Promise<OwnerAnswer> {
  return askAt(record, security, (sign) => {
    if (sign.run !== run) return "silent";
    return sign.ended ? "ended" : "running";
  });
}

/**
 * Asks a former owner at its HTTP address, without a token; `judge` reads its answer. A loopback address of another machine
 * can't be asked from here. A certificate that can't be verified proves nothing, so its answer is ignored.
 */
export async function askAt(
  { http, host }: Pick<GenerationRecord, "http" | "host">,
  security: ClientSecurity,
  judge: (sign: LifeSign) => OwnerAnswer,
): Promise<OwnerAnswer> {
  if (isLoopbackAddress(withoutScheme(http)) && host !== hostname()) return "silent";
  try {
    return judge(await fetchLifeSign(http, security));
  } catch (error) {
    if (!isRefusedConnection(error)) return "silent";
    return host === hostname() && isOwnAddress(withoutScheme(http)) ? "gone" : "refused";
  }
}

/** An address without `https://` in front. */
export const withoutScheme = (http: string) => http.replace(/^https:\/\//, "");

/** The client security with which a coordinator asks another one: it trusts certificates of its own CA. */
export function sameAuthority(security: ServerSecurity | undefined): ClientSecurity {
  const ca = security?.tls?.current.ca;
  return ca === undefined ? noSecurity : new ClientSecurity({ tls: { ca } });
}

/** True for an address that leads to the asking machine itself. A coordinator on all interfaces advertises 0.0.0.0. */
export const isLoopbackAddress = (address: string) =>
  /^(127\.|0\.0\.0\.0:|localhost:|\[::1?\])/.test(address);

/** True when no proxy stands between this process and the port. */
function isOwnAddress(http: string): boolean {
  const name = http.slice(0, http.lastIndexOf(":")).replace(/^\[|\]$/g, "");
  const interfaces = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return isLoopbackAddress(http) || name === hostname() || interfaces.some(({ address }) => address === name);
}

/**
 * Waits for the owner to renew its record. Time counts only while the store answers, because an outage keeps the owner
 * from renewing. A pause of this process counts as one look, because the owner may have been paused with it.
 */
async function watch(
  options: TakeoverOptions,
  first: Extract<GenerationEntry, { tag: "owner" }>,
  silenceMs: number,
): Promise<"renewed" | "replaced" | "unchanged"> {
  const { store, run, clock, signal } = options;
  options.onWaiting(waitingFor(first.record, silenceMs));
  const before = JSON.stringify(first.record);
  let lookedMs: number | null = clock.nowMs();
  for (let silentMs = 0; silentMs < silenceMs; ) {
    await clock.sleep(limits.takeoverPollMs, signal);
    throwIfAborted(signal, `waiting for the coordinator at ${first.record.address}`);
    const entry = await newestGeneration(store, run, signal).catch((error: unknown) => {
      if (isOutage(error)) return "store away" as const;
      throw error;
    });
    if (entry === "store away") {
      [silentMs, lookedMs] = [0, null];
      continue;
    }
    if (entry?.generation !== first.generation) return "replaced";
    if (entry.tag !== "owner" || JSON.stringify(entry.record) !== before) return "renewed";
    if (lookedMs !== null) silentMs += Math.min(clock.nowMs() - lookedMs, 2 * limits.takeoverPollMs);
    lookedMs = clock.nowMs();
  }
  return "unchanged";
}

const waitingFor = ({ address, generation }: GenerationRecord, silenceMs: number) =>
  `the coordinator at ${address} (generation ${generation}) does not answer; it is taken over when it gives no sign of life in the store for ${silenceMs / 1000} s`;

const takenFrom = ({ address, generation }: GenerationRecord, silenceMs: number) =>
  `taken over from the coordinator at ${address} (generation ${generation}), which gave no sign of life for ${silenceMs / 1000} s`;

function owned({ run, subject }: TakeoverOptions, { address }: GenerationRecord, how = ""): TrainyardError {
  if (subject !== undefined)
    return new TrainyardError("ALREADY_EXISTS", `${subject} is held by the coordinator at ${address}`);
  const sentence = `the run ${run} has a coordinator at ${address}: let workers join that one, or end it with trainyard runs stop ${run}`;
  return new TrainyardError("ALREADY_EXISTS", `${sentence}${how}`);
}

/** The error for a run that has finished. */
export const finished = (run: string) =>
  new TrainyardError(
    "ALREADY_EXISTS",
    `the run ${run} has finished (trainyard runs show ${run}): train again under another name`,
  );
