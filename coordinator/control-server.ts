/**
 * The control plane's server: streams in and out, by worker id. It decides nothing: what a worker says becomes an
 * event, and a second stream of one worker replaces the first. What is of another run goes no further.
 */
import * as grpc from "@grpc/grpc-js";
import { TrainyardError } from "../shared/errors.js";
import {
  type CoordinatorBody,
  decodeFromWorker,
  type Envelope,
  encode,
  type WorkerBody,
} from "../shared/grpc/control-messages.js";
import { bind } from "../shared/grpc/listen.js";
import { channelOptions, controlService } from "../shared/grpc/protocol.js";
import type { CoreEvent } from "./core/events.js";

type JoinCall = grpc.ServerDuplexStream<unknown, object>;

export interface ControlServerOptions {
  readonly run: string;
  readonly generation: number;
  readonly onEvent: (event: CoreEvent) => void;
  /** A stream that broke the protocol; `peer` as gRPC names it. */
  readonly onMalformed: (peer: string, message: string) => void;
  /** A message that went no further, to be counted; the core counts what it drops itself. */
  readonly onDropped: (worker: string, reason: string) => void;
}

export class ControlServer {
  readonly #options: ControlServerOptions;
  readonly #server: grpc.Server;
  readonly #streams = new Map<string, JoinCall>();

  constructor(options: ControlServerOptions, server = new grpc.Server(channelOptions)) {
    this.#options = options;
    this.#server = server;
    this.#server.addService(controlService().service, { join: (call: JoinCall) => void this.#serve(call) });
  }

  /** Returns the port. */
  listen(host: string, port: number): Promise<number> {
    return bind(this.#server, host, port);
  }

  send(worker: string, body: CoordinatorBody): void {
    const stream = this.#streams.get(worker);
    if (stream === undefined || stream.destroyed) return;
    const { run, generation } = this.#options;
    stream.write(encode({ run, generation, body }));
  }

  /** Ends the stream after what was sent. */
  disconnect(worker: string): void {
    const stream = this.#streams.get(worker);
    this.#streams.delete(worker);
    stream?.end();
  }

  async close(): Promise<void> {
    for (const stream of this.#streams.values()) stream.end();
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
    let worker: string | undefined;
    let reason = "it closed its stream";
    try {
      // Not destroyed when the loop is left by an error: then the stream would never end for the worker.
      for await (const message of call.iterator({ destroyOnReturn: false })) {
        const envelope = decodeFromWorker(message);
        // One stream, one hello: a second one is a message like any other, which the core refuses.
        const isHello = worker === undefined && envelope.body.kind === "hello";
        if (isHello) worker = this.#greet(call, envelope.run, envelope.body);
        else if (worker !== undefined) this.#pass(worker, envelope);
      }
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
      if (!call.cancelled) this.#options.onMalformed(call.getPeer(), reason);
    }
    if (!call.destroyed) call.end();
    if (worker === undefined || this.#streams.get(worker) !== call) return;
    this.#streams.delete(worker);
    this.#options.onEvent({ tag: "left", worker, reason });
  }

  /** A hello names no run, or this one. */
  #greet(call: JoinCall, run: string, hello: Extract<WorkerBody, { kind: "hello" }>): string {
    if (run !== "" && run !== this.#options.run) {
      throw new TrainyardError("REFUSED", `a hello for the run ${run}; here is ${this.#options.run}`);
    }
    const former = this.#streams.get(hello.worker);
    this.#streams.set(hello.worker, call);
    if (former !== undefined && former !== call) former.end();
    const { worker, host, protocol, version, fingerprint } = hello;
    this.#options.onEvent({ tag: "hello", worker, host, protocol, version, fingerprint });
    return worker;
  }

  /** Of another run: whatever its step and generation say, they are not this run's. */
  #pass(worker: string, { run, generation, body }: Envelope<WorkerBody>): void {
    if (run !== this.#options.run) return this.#options.onDropped(worker, "other run");
    this.#options.onEvent({ tag: "said", worker, generation, body });
  }
}
