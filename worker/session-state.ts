/**
 * The states of a session between this worker and one generation of the coordinator, and which state may follow which.
 * The session itself, with its messages and streams, is session.ts.
 */
import { invariant, type TrainyardError } from "../shared/errors.js";
import type { PreparedRun } from "./prepared-run.js";
import type { TensorStreams } from "./tensor-streams.js";

/** Why a session ended, which decides what the worker does next. */
export type SessionEnd =
  /** The run is over, or this worker has no further part in it. The worker ends well. */
  | { readonly tag: "finished"; readonly outcome: string; readonly message: string }
  /** The coordinator sent this worker away. The worker ends and must not come back. */
  | { readonly tag: "drained"; readonly reason: string }
  /** A coordinator that had welcomed this worker is gone. The worker looks for it again. */
  | { readonly tag: "lost"; readonly reason: string }
  /** A coordinator answered that the worker has to wait. The worker asks again for as long as it gets this answer. */
  | { readonly tag: "waiting"; readonly reason: string }
  /** No coordinator answered. The worker tries again until its time to connect is up. */
  | { readonly tag: "unreached"; readonly reason: string };

/** Why a worker leaves a session that could go on. */
export type Departure =
  /** The coordinator sent the worker away. */
  | { readonly tag: "drained"; readonly reason: string }
  /** The set-up of this machine keeps the worker from preparing the run. */
  | { readonly tag: "unfit"; readonly error: TrainyardError };

export type SessionState =
  /** The worker said hello and waits for the welcome. */
  | { readonly tag: "connecting" }
  /** The coordinator sent the run's spec. Data set, engine and graphs are made ready, which may take minutes. */
  | { readonly tag: "preparing" }
  /** The worker said that it is ready and waits until the coordinator names the slices of the parameter vector. */
  | { readonly tag: "ready"; readonly run: PreparedRun }
  /** The tensor streams are open. Assignments are carried out one after another. */
  | { readonly tag: "working"; readonly run: PreparedRun; readonly streams: TensorStreams }
  /** The worker said that it leaves. Nothing more is sent; the stream gets a moment to carry that last message. */
  | { readonly tag: "draining"; readonly departure: Departure }
  /** The session is over, and everything that it had opened is closed. */
  | { readonly tag: "closed" };

type Tag = SessionState["tag"];

const followers: Readonly<Record<Tag, readonly Tag[]>> = {
  connecting: ["preparing", "draining", "closed"],
  preparing: ["ready", "draining", "closed"],
  ready: ["working", "draining", "closed"],
  working: ["draining", "closed"],
  draining: ["closed"],
  closed: [],
};

/** Returns `next`. A transition that the table does not have is a broken invariant. */
export function enter<Next extends SessionState>(from: SessionState, next: Next): Next {
  invariant(followers[from.tag].includes(next.tag), `a session that is ${from.tag} became ${next.tag}`);
  return next;
}
