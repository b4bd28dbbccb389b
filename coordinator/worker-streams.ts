/**
 * The control streams of one run's workers, by worker id. A second stream of a worker replaces the first. Messages that name
 * another run are dropped. Once closed, nothing is received or sent: the next run has streams of its own.
 */
import type * as grpc from "@grpc/grpc-js";
import {
  type CoordinatorBody,
  type Envelope,
  encode,
  type WorkerBody,
} from "../shared/grpc/control-messages.js";
import type { Peer } from "../shared/security/roles.js";
import type { CoreEvent } from "./core/events.js";
import type { NamedAddress } from "./observability/scrape-targets.js";

/** A worker's control stream on the server. */
export type JoinCall = grpc.ServerDuplexStream<unknown, object>;
/** The body of a worker's first message. */
export type Hello = Extract<WorkerBody, { kind: "hello" }>;

/** A run while it is served. */
export interface ServedRun {
  readonly run: string;
  readonly generation: number;
  readonly onEvent: (event: CoreEvent) => void;
  /** Called for a message that is dropped before the core sees it. */
  readonly onDropped: (worker: string, reason: string) => void;
}

/** The control streams of one run's workers. */
export class WorkerStreams {
  readonly served: ServedRun;
  readonly #streams = new Map<string, JoinCall>();
  /** The credential with which each worker came. */
  readonly #owners = new Map<string, string>();
  /** Workers with a store setting of their own: they get no keys. */
  readonly #ownStores = new Set<string>();
  /** The address of each worker's metrics, as the worker named it. */
  readonly #metrics = new Map<string, string>();

  constructor(served: ServedRun) {
    this.served = served;
  }

  /** Addresses of the workers' metrics, as the workers named them. */
  get metricsAddresses(): NamedAddress[] {
    return [...this.#streams.keys()].map((worker) => ({
      worker,
      address: this.#metrics.get(worker) ?? "",
    }));
  }

  /** Takes a worker into the run. False when it is refused: a worker of that name is in the run with another token or certificate. */
  greet(call: JoinCall, peer: Peer, hello: Hello): boolean {
    const { worker, host, protocol, version, fingerprint, metrics, ownStore = false } = hello;
    const former = this.#streams.get(worker);
    if (former !== undefined && this.#owners.get(worker) !== peer.key) {
      const message = `a worker ${worker} is in the run already, with another token or certificate`;
      call.write(
        encode({ ...this.served, body: { kind: "refused", code: "REFUSED", message, retry: true } }),
      );
      return false;
    }
    this.#streams.set(worker, call);
    this.#owners.set(worker, peer.key);
    this.#metrics.set(worker, metrics);
    if (ownStore) this.#ownStores.add(worker);
    else this.#ownStores.delete(worker);
    if (former !== undefined && former !== call) former.end();
    this.served.onEvent({ tag: "hello", worker, host, protocol, version, fingerprint });
    return true;
  }

  /**
   * Passes a worker's message to the run. A message that names another run is dropped, whatever its step and
   * generation.
   */
  pass(call: JoinCall, worker: string, { run, generation, body }: Envelope<WorkerBody>): void {
    if (this.#streams.get(worker) !== call) return;
    if (run !== this.served.run) return this.served.onDropped(worker, "other run");
    this.served.onEvent({ tag: "said", worker, generation, body });
  }

  left(call: JoinCall, worker: string, reason: string): void {
    if (this.#streams.get(worker) !== call) return;
    this.#forget(worker);
    this.served.onEvent({ tag: "left", worker, reason });
  }

  /** Sends a message, without store keys where the worker has a store setting of its own. */
  send(worker: string, message: CoordinatorBody): void {
    const stream = this.#streams.get(worker);
    if (stream === undefined || stream.destroyed) return;
    const { run, generation } = this.served;
    const body = this.#ownStores.has(worker) ? withoutKeys(message) : message;
    if (body !== null) stream.write(encode({ run, generation, body }));
  }

  /** Ends the stream of a worker after the messages that were sent. */
  disconnect(worker: string): void {
    const stream = this.#streams.get(worker);
    this.#forget(worker);
    stream?.end();
  }

  #forget(worker: string): void {
    this.#streams.delete(worker);
    this.#owners.delete(worker);
    this.#ownStores.delete(worker);
    this.#metrics.delete(worker);
  }

  /** Ends every stream after the messages that were sent. */
  close(): void {
    for (const worker of [...this.#streams.keys()]) this.disconnect(worker);
  }
}

/** A message without store keys; null when nothing is left of it. */
function withoutKeys(body: CoordinatorBody): CoordinatorBody | null {
  switch (body.kind) {
    case "storeKeys":
      return null;
    case "welcome":
      return { ...body, keysFollow: false };
    case "export":
      return { ...body, keys: null };
    default:
      return body;
  }
}
