/**
 * The control plane's server. It accepts workers' streams and checks who opens them; the streams of the served run
 * belong to worker-streams.ts. A worker that asks for no run or for another run gets an answer, and its stream ends.
 */
import * as grpc from "@grpc/grpc-js";
import { type Clock, realClock } from "../shared/clock.js";
import { TrainyardError } from "../shared/errors.js";
import { isNotAdmitted, judgeCall, type Refusal, refusalOf } from "../shared/grpc/authorization.js";
import { type CoordinatorBody, decodeFromWorker, encode } from "../shared/grpc/control-messages.js";
import { serverCredentials } from "../shared/grpc/credentials.js";
import { bind } from "../shared/grpc/listen.js";
import { controlService, serverOptions } from "../shared/grpc/protocol.js";
import { limits } from "../shared/limits.js";
import type { Peer } from "../shared/security/roles.js";
import { ServerSecurity } from "../shared/security/server-security.js";
import { TokenBucket, TokenBucketsByName } from "../shared/token-bucket.js";
import { type Hello, type JoinCall, type ServedRun, WorkerStreams } from "./worker-streams.js";

/** Settings of the control plane's server. */
export interface ControlServerOptions {
  /** Called when a stream broke the protocol; `peer` is its address as gRPC writes it. */
  readonly onMalformed: (peer: string, message: string) => void;
  /** Decides who may join, and holds the certificate. Default: every peer may join, in plain text. */
  readonly security?: ServerSecurity;
  /** Called when a peer was refused, with the reason. */
  readonly onRefused?: (peer: string, sentence: string) => void;
  /** Default: the real one. */
  readonly clock?: Clock;
  /** The answer to a worker that asks for another run than the served one. An empty `run` means any run. */
  readonly answerUnservedWorker?: (
    run: string,
    served: string | null,
  ) => CoordinatorBody | Promise<CoordinatorBody>;
}

/** Streams that are still open when the server closes are cut after this time. */
const closeMs = 1_000;

/** The gRPC server for workers' control streams. */
export class ControlServer {
  readonly #options: ControlServerOptions;
  readonly #server: grpc.Server;
  readonly #security: ServerSecurity;
  /** The peer of each open stream. */
  readonly #peers = new Map<JoinCall, Peer>();
  readonly #stopWatchingTokens: () => void;
  readonly #clock: Clock;
  readonly #hellos: TokenBucketsByName;
  #current: WorkerStreams | null = null;

  constructor(options: ControlServerOptions, server = new grpc.Server(serverOptions)) {
    this.#options = options;
    this.#server = server;
    this.#clock = options.clock ?? realClock;
    this.#hellos = new TokenBucketsByName(this.#clock, limits.hellos, limits.helloAddresses);
    this.#security = options.security ?? ServerSecurity.none();
    this.#stopWatchingTokens = this.#security.onTokens(() => this.#endRevoked());
    this.#server.addService(controlService().service, { join: (call: JoinCall) => void this.#serve(call) });
  }

  /** Returns the port. */
  listen(host: string, port: number): Promise<number> {
    return bind(this.#server, host, port, serverCredentials(this.#security.tls));
  }

  /** Serves this run from now on. The streams of the run that was served before are closed. */
  serve(run: ServedRun): WorkerStreams {
    this.#current?.close();
    this.#current = new WorkerStreams(run);
    return this.#current;
  }

  /** Closes the streams of a run. Unless another run is served by now, workers have to wait for the next one. */
  leave(streams: WorkerStreams): void {
    streams.close();
    if (this.#current === streams) this.#current = null;
  }

  async close(): Promise<void> {
    this.#stopWatchingTokens();
    this.#current?.close();
    await new Promise<void>((resolve) => {
      const callOff = this.#clock.after(closeMs, () => {
        this.#server.forceShutdown();
        resolve();
      });
      this.#server.tryShutdown(() => {
        callOff();
        resolve();
      });
    });
  }

  async #serve(call: JoinCall): Promise<void> {
    const judgement = judgeCall(this.#security, call, "worker");
    if (judgement.refusal !== null) return this.#refuse(call, judgement.refusal);
    this.#peers.set(call, judgement.peer);
    try {
      await this.#hear(call, judgement.peer);
    } finally {
      this.#peers.delete(call);
    }
  }

  /** Refuses a call. A peer that fails again and again waits for its answer. */
  #refuse(call: JoinCall, refusal: Refusal): void {
    const heldMs = this.#security.attempts.recordFailure(addressOf(call));
    if (heldMs === 0) this.#options.onRefused?.(call.getPeer(), refusal.details);
    this.#clock.after(heldMs, () => call.emit("error", refusal));
  }

  /** Ends the streams whose tokens were revoked or have expired. */
  #endRevoked(): void {
    for (const [call, peer] of this.#peers) {
      if (this.#security.stillKnows(peer)) continue;
      const sentence = `the token of ${peer.name} was revoked or has expired`;
      this.#options.onRefused?.(call.getPeer(), sentence);
      call.emit("error", refusalOf(grpc.status.UNAUTHENTICATED, sentence));
    }
  }

  async #hear(call: JoinCall, peer: Peer): Promise<void> {
    const messages = new TokenBucket(this.#clock, limits.controlMessages);
    const isSilent = () => call.emit("error", refusalOf(grpc.status.DEADLINE_EXCEEDED, "no hello came"));
    const callOff = this.#clock.after(limits.helloMs, isSilent);
    let joined: { readonly streams: WorkerStreams; readonly worker: string } | null = null;
    let reason = "it closed its stream";
    try {
      // Not destroyed when the loop is left by an error: then the stream would never end for the worker.
      for await (const message of call.iterator({ destroyOnReturn: false })) {
        callOff();
        await messages.next();
        const envelope = decodeFromWorker(message);
        // One stream, one hello: a second one is a message like any other, which the core refuses.
        if (joined !== null) joined.streams.pass(call, joined.worker, envelope);
        else if (envelope.body.kind === "hello") {
          joined = await this.#greet(call, peer, envelope.run, envelope.body);
          if (joined === null) break;
        } else
          throw new TrainyardError(
            "REFUSED",
            `a worker's first message is a hello, not ${envelope.body.kind}`,
          );
      }
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
      if (!call.cancelled && !isNotAdmitted(error)) this.#options.onMalformed(call.getPeer(), reason);
    }
    callOff();
    if (!call.destroyed) call.end();
    if (joined !== null) joined.streams.left(call, joined.worker, reason);
  }

  /** Takes a worker into the served run; null when it asks for another run or is refused. */
  async #greet(call: JoinCall, peer: Peer, run: string, hello: Hello) {
    await this.#hellos.of(addressOf(call)).next();
    if (call.cancelled) return null;
    const streams = this.#current;
    if (streams !== null && (run === "" || run === streams.served.run)) {
      const isTaken = streams.greet(call, peer, hello);
      return isTaken ? { streams, worker: hello.worker } : null;
    }
    const { answerUnservedWorker = refuseUnservedWorker } = this.#options;
    const body = await answerUnservedWorker(run, streams?.served.run ?? null);
    call.write(encode({ run, generation: 0, body }));
    return null;
  }
}

/** Without the port. */
const addressOf = (call: JoinCall) => call.getPeer().replace(/:\d+$/, "");

/** The answer of a coordinator that serves one run only. */
function refuseUnservedWorker(run: string, served: string | null): CoordinatorBody {
  const message =
    served === null
      ? "the coordinator is just starting"
      : `the coordinator serves the run ${served}, this worker asks for ${run}: start another worker for ${served}`;
  return { kind: "refused", code: "REFUSED", message, retry: served === null };
}
