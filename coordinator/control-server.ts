/**
 * The control plane's server. It accepts workers' streams and checks who opens them; the streams of the served run
 * belong to worker-streams.ts. A worker that asks for no run or for another run gets an answer, and its stream ends.
 */
import * as grpc from "@grpc/grpc-js";
import { type Clock, realClock } from "../shared/clock.js";
import { TrainyardError } from "../shared/errors.js";
import { AdmittedServices, type Caller, duplex } from "../shared/grpc/admitted-services.js";
import { isNotAdmitted, refusalOf } from "../shared/grpc/authorization.js";
import { type CoordinatorBody, decodeFromWorker, encode } from "../shared/grpc/control-messages.js";
import { controlService } from "../shared/grpc/protocol.js";
import { TcpTransport, type Transport } from "../shared/grpc/transport.js";
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
  /** Adds the services that the port offers beside the workers' streams. */
  readonly addServices?: (services: AdmittedServices) => void;
  /** Called when a peer was refused or its stream was ended, with the reason. */
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
  readonly #transport: Transport;
  readonly #security: ServerSecurity;
  readonly #clock: Clock;
  readonly #hellos: TokenBucketsByName;
  #current: WorkerStreams | null = null;

  /** `transport`: default TCP. */
  constructor(options: ControlServerOptions, transport?: Transport) {
    const { clock = realClock, security = ServerSecurity.none(), onRefused = () => undefined } = options;
    this.#options = options;
    this.#clock = clock;
    this.#security = security;
    this.#transport = transport ?? new TcpTransport(clock);
    this.#hellos = new TokenBucketsByName(clock, limits.hellos, limits.helloAddresses);
    const services = new AdmittedServices({ transport: this.#transport, security, clock, onRefused });
    services.add(controlService().service, {
      join: duplex("worker", (call, caller) => this.#hear(call, caller)),
    });
    options.addServices?.(services);
  }

  /** Returns the port. */
  listen(host: string, port: number): Promise<number> {
    return this.#transport.listen(host, port, this.#security.tls);
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
    this.#current?.close();
    await this.#transport.close(closeMs);
  }

  async #hear(call: JoinCall, { peer }: Caller): Promise<void> {
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
