/**
 * A reducer: one slice, its tensor server, and the port to the coordinator's main thread, whose messages it carries out
 * one after another. thread.ts runs it in a thread of its own.
 */
import { type Clock, realClock } from "../../shared/clock.js";
import { assertNever } from "../../shared/errors.js";
import { Http2TensorServer, type TensorListener } from "../../shared/grpc/tensor-server.js";
import type { FromReducer, ReducerOptions, ToReducer } from "./messages.js";
import { type SliceEvents, SliceServer } from "./server.js";
import { ReducedSlice } from "./slice.js";

/** What a reducer needs of a MessagePort. */
export interface ReducerPort {
  postMessage(message: FromReducer): void;
  on(event: "message", hear: (message: ToReducer) => void): unknown;
  close(): void;
}

/** What a simulation replaces: the clock and the network. */
export interface ReducerDependencies {
  readonly clock: Clock;
  readonly listener: TensorListener;
}

const realDependencies = (): ReducerDependencies => ({
  clock: realClock,
  listener: new Http2TensorServer(),
});

/** Starts a reducer: it listens, reports its port, and from then on carries out one message after another. */
export function runReducer(
  options: ReducerOptions,
  port: ReducerPort,
  dependencies: ReducerDependencies = realDependencies(),
): void {
  const reducer = new Reducer(options, port, dependencies);
  port.on("message", (message: ToReducer) => reducer.hear(message));
  reducer.listen(options);
}

class Reducer {
  readonly #port: ReducerPort;
  readonly #listener: TensorListener;
  readonly #slice: ReducedSlice;
  readonly #tensors: SliceServer;
  /** Bytes since the last report. */
  readonly #traffic = { bytesIn: 0, bytesOut: 0 };

  constructor(
    { range, identity }: ReducerOptions,
    port: ReducerPort,
    { clock, listener }: ReducerDependencies,
  ) {
    this.#port = port;
    this.#listener = listener;
    this.#slice = new ReducedSlice(range, identity);
    this.#tensors = new SliceServer(this.#slice, identity, this.#events(), clock);
  }

  listen({ host, port, tls }: ReducerOptions): void {
    this.#tensors.listen(this.#listener, host, port, tls).then(
      (bound) => this.#send({ tag: "listening", port: bound }),
      (error: Error) => this.#send({ tag: "broken", message: error.message }),
    );
  }

  /** Carries a message out. One that can't be carried out is reported: the run fails. */
  hear(message: ToReducer): void {
    try {
      this.#carryOut(message);
    } catch (error) {
      this.#send({ tag: "broken", message: error instanceof Error ? error.message : String(error) });
    }
  }

  #send(message: FromReducer): void {
    this.#port.postMessage(message);
  }

  #events(): SliceEvents {
    return {
      loaded: () => this.#send({ tag: "loaded" }),
      whole: (step, report) => this.#send({ tag: "whole", step, report }),
      compared: (step, comparison) => this.#send({ tag: "compared", step, ...comparison }),
      traffic: (bytesIn, bytesOut) => {
        this.#traffic.bytesIn += bytesIn;
        this.#traffic.bytesOut += bytesOut;
      },
      refused: (reason) => this.#send({ tag: "refused", reason }),
    };
  }

  #carryOut(message: ToReducer): void {
    switch (message.tag) {
      case "restore":
        this.#tensors.broadcast(this.#slice.restore(message.step, message.whole), true);
        return this.#send({ tag: "loaded" });
      case "begin":
        return this.#tensors.begin(message);
      case "grant":
        return this.#tensors.grant(message.worker, message.grant);
      case "watch":
        return this.#slice.watch(message.step, message.node);
      case "findMissingLanes":
        return this.#reportMissingLanes(message);
      case "apply":
      case "skip":
        return this.#endStep(message);
      case "snapshot":
        return this.#copySnapshot(message);
      case "certificate":
        return this.#listener.renew(message.files);
      case "admit":
        return this.#tensors.admit(message.admission);
      case "dismiss":
        return this.#tensors.dismiss(message.admission);
      case "close":
        this.#listener.close();
        return this.#port.close();
      default:
        return assertNever(message);
    }
  }

  #copySnapshot({ id, whole }: Extract<ToReducer, { tag: "snapshot" }>): void {
    this.#send({ tag: "snapshot", id, hasNonFinite: this.#slice.snapshot(whole) });
  }

  #reportMissingLanes({ step, attempt }: Extract<ToReducer, { tag: "findMissingLanes" }>): void {
    const lanes = this.#slice.lacking(step, attempt);
    if (lanes.length > 0) this.#send({ tag: "lacks", step, attempt, lanes });
  }

  #endStep(message: Extract<ToReducer, { tag: "apply" | "skip" }>): void {
    const version = message.tag === "apply" ? this.#slice.apply(message.update) : this.#slice.skip();
    this.#send({ tag: "committed", step: message.step, checksum: version.crc32c });
    this.#tensors.broadcast(version, message.exact);
    this.#send({ tag: "traffic", ...this.#traffic });
    this.#traffic.bytesIn = 0;
    this.#traffic.bytesOut = 0;
  }
}
