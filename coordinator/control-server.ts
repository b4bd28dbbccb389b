/**
 * The control plane's server. It decides nothing: the streams of the run that it serves are that run's
 * (worker-streams.ts), and whoever comes for no run or another one is answered and sent away.
 */
import * as grpc from "@grpc/grpc-js";
import { type CoordinatorBody, decodeFromWorker, encode } from "../shared/grpc/control-messages.js";
import { bind } from "../shared/grpc/listen.js";
import { channelOptions, controlService } from "../shared/grpc/protocol.js";
import { type Hello, type JoinCall, type ServedRun, WorkerStreams } from "./worker-streams.js";

export interface ControlServerOptions {
  /** A stream that broke the protocol; `peer` as gRPC names it. */
  readonly onMalformed: (peer: string, message: string) => void;
  /** What a worker is told that is for another run than the one that is served; empty = for any. */
  readonly answerStranger?: (
    run: string,
    served: string | null,
  ) => CoordinatorBody | Promise<CoordinatorBody>;
}

export class ControlServer {
  readonly #options: ControlServerOptions;
  readonly #server: grpc.Server;
  #current: WorkerStreams | null = null;

  constructor(options: ControlServerOptions, server = new grpc.Server(channelOptions)) {
    this.#options = options;
    this.#server = server;
    this.#server.addService(controlService().service, { join: (call: JoinCall) => void this.#serve(call) });
  }

  /** Returns the port. */
  listen(host: string, port: number): Promise<number> {
    return bind(this.#server, host, port);
  }

  /** From now on workers are this run's; those of the former one are sent away. */
  serve(run: ServedRun): WorkerStreams {
    this.#current?.close();
    this.#current = new WorkerStreams(run);
    return this.#current;
  }

  /** Its workers are sent away; unless another run is served by now, workers have to wait for the next one. */
  leave(streams: WorkerStreams): void {
    streams.close();
    if (this.#current === streams) this.#current = null;
  }

  async close(): Promise<void> {
    this.#current?.close();
    await new Promise<void>((resolve) => {
      const force = setTimeout(() => {
        this.#server.forceShutdown();
        resolve();
      }, 1_000);
      this.#server.tryShutdown(() => {
        clearTimeout(force);
        resolve();
      });
    });
  }

  async #serve(call: JoinCall): Promise<void> {
    let seat: { readonly streams: WorkerStreams; readonly worker: string } | null = null;
    let reason = "it closed its stream";
    try {
      // Not destroyed when the loop is left by an error: then the stream would never end for the worker.
      for await (const message of call.iterator({ destroyOnReturn: false })) {
        const envelope = decodeFromWorker(message);
        // One stream, one hello: a second one is a message like any other, which the core refuses.
        if (seat !== null) seat.streams.pass(call, seat.worker, envelope);
        else if (envelope.body.kind === "hello") {
          seat = await this.#greet(call, envelope.run, envelope.body);
          if (seat === null) break;
        }
      }
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
      if (!call.cancelled) this.#options.onMalformed(call.getPeer(), reason);
    }
    if (!call.destroyed) call.end();
    if (seat !== null) seat.streams.left(call, seat.worker, reason);
  }

  /** A hello names no run, or the one that is served; null: it was sent away. */
  async #greet(call: JoinCall, run: string, hello: Hello) {
    const streams = this.#current;
    if (streams !== null && (run === "" || run === streams.served.run)) {
      streams.greet(call, hello);
      return { streams, worker: hello.worker };
    }
    const { answerStranger = refuseStranger } = this.#options;
    const body = await answerStranger(run, streams?.served.run ?? null);
    call.write(encode({ run, generation: 0, body }));
    return null;
  }
}

/** Of a coordinator that has one run. */
function refuseStranger(run: string, served: string | null): CoordinatorBody {
  const message = served === null ? "it is just starting" : `here is the run ${served}, not ${run}`;
  return { kind: "refused", code: "REFUSED", message, retry: served === null };
}
