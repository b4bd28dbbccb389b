/**
 * The tensor plane's server of one slice: it listens on a port of its own in the reducer's thread, lets in workers with
 * a valid ticket, and hands their streams on: uploads to the partial receiver, downloads to the weights sender. It
 * decides nothing about training: the coordinator's core says when a step begins and how it ends.
 */
import { status } from "@grpc/grpc-js";
import { type Clock, realClock } from "../../shared/clock.js";
import { reducerWindowBytes } from "../../shared/grpc/receive-window.js";
import type { AckStatus } from "../../shared/grpc/tensor-messages.js";
import type { TensorListener, UploadCall, WeightsCall } from "../../shared/grpc/tensor-server.js";
import { limits } from "../../shared/limits.js";
import type { ServerFiles } from "../../shared/security/tls-files.js";
import type { Grant, SliceReport } from "../core/work.js";
import type { Comparison } from "./audited-nodes.js";
import { Grants } from "./grants.js";
import { PartialAdmission } from "./partial-admission.js";
import { PartialReceiver } from "./partial-receiver.js";
import type { ReducedSlice, SliceOptions, WeightsVersion } from "./slice.js";
import type { StepBeginning } from "./step-partials.js";
import { admissionOf, TicketGate } from "./tickets.js";
import { WeightsSender } from "./weights-sender.js";

/** A slice's run and generation, and what all slices of a run have in common. */
export interface SliceIdentity extends SliceOptions {
  readonly run: string;
  readonly generation: number;
  /** Streams need a ticket sealed with this secret. Default: they need none. */
  readonly ticketSecret?: Uint8Array;
}

/** What the server tells its thread. */
export interface SliceEvents {
  loaded(): void;
  whole(step: number, report: SliceReport): void;
  compared(step: number, comparison: Comparison): void;
  traffic(bytesIn: number, bytesOut: number): void;
  refused(reason: AckStatus): void;
}

/** The tickets that open streams, and what each worker may send; null where streams need no ticket. */
type Tickets = { readonly gate: TicketGate; readonly grants: Grants } | null;

export class SliceServer {
  readonly #slice: ReducedSlice;
  readonly #identity: SliceIdentity;
  readonly #tickets: Tickets;
  readonly #receiver: PartialReceiver;
  readonly #sender: WeightsSender;
  /** Open streams, by their worker's admission. */
  readonly #calls = new Map<number, Set<UploadCall | WeightsCall>>();

  constructor(slice: ReducedSlice, identity: SliceIdentity, events: SliceEvents, clock: Clock = realClock) {
    this.#slice = slice;
    this.#identity = identity;
    this.#tickets = ticketsOf(identity);
    const { run, generation, wire = "float32" } = identity;
    const isOneStreamPerWorker = this.#tickets !== null;
    const admission = new PartialAdmission(
      { run, generation, slice: slice.range.slice },
      slice,
      this.#tickets,
    );
    const loaded = () => {
      events.loaded();
      if (slice.version !== undefined) this.broadcast(slice.version, true);
    };
    const received = (bytes: number) => events.traffic(bytes, 0);
    this.#receiver = new PartialReceiver({
      slice,
      wire,
      admission,
      isOneStreamPerWorker,
      events: { ...events, loaded, received },
      clock,
    });
    const onSent = (bytes: number) => events.traffic(0, bytes);
    this.#sender = new WeightsSender({ slice, run, generation, wire, isOneStreamPerWorker, onSent });
  }

  /** Returns the port. `tls`: default plain text. Errors: USAGE when the port is taken. */
  listen(
    listener: TensorListener,
    host: string,
    port: number,
    tls: ServerFiles | null = null,
  ): Promise<number> {
    const handlers = {
      upload: (call: UploadCall) => {
        if (this.#letIn(call)) void this.#receiver.receive(call);
      },
      weights: (call: WeightsCall) => {
        if (this.#letIn(call)) this.#sender.send(call);
      },
    };
    const receiveWindowBytes = reducerWindowBytes(this.#identity.lanes);
    return listener.listen(handlers, { host, port, receiveWindowBytes, tls });
  }

  /** A worker was admitted to the run: tickets of this number are valid. Numbers count up over the generation. */
  admit(admission: number): void {
    this.#tickets?.gate.admit(admission);
  }

  /** A worker has left: its ticket is not valid any more, and its streams end. */
  dismiss(admission: number): void {
    this.#tickets?.gate.dismiss(admission);
    this.#receiver.forgetWorker(admission);
    for (const call of this.#calls.get(admission) ?? []) this.#letIn(call);
  }

  /** Refuses a stream without a valid ticket; false: it was refused. */
  #letIn(call: UploadCall | WeightsCall): boolean {
    if (this.#tickets === null) return true;
    const refusal = this.#tickets.gate.refusal(call.credentials);
    if (refusal !== null) {
      call.refuse(refusal, status.UNAUTHENTICATED);
      return false;
    }
    this.#keep(call);
    return true;
  }

  /** A worker has few streams: beyond their number, the oldest is cut. */
  #keep(call: UploadCall | WeightsCall): void {
    const admission = admissionOf(call.credentials.ticket);
    const calls = this.#calls.get(admission) ?? new Set();
    this.#calls.set(admission, calls.add(call));
    const [oldest] = calls;
    if (calls.size > limits.tensorStreams) oldest?.cut();
    call.onOver(() => {
      calls.delete(call);
      if (calls.size === 0) this.#calls.delete(admission);
    });
  }

  /** The worker may send this from now on. */
  grant(worker: string, grant: Grant): void {
    this.#tickets?.grants.give(worker, grant);
    this.#receiver.wake();
  }

  /** Number of streams that get new versions. */
  get readers(): number {
    return this.#sender.readers;
  }

  /** The slice takes partials of a step, or of another attempt at it: uploads that came early go on. */
  begin(beginning: StepBeginning): void {
    this.#slice.begin(beginning);
    this.#tickets?.grants.begin(beginning.step, beginning.attempt, beginning.present);
    this.#receiver.forgetStale();
  }

  /** Sends a new weights version to every worker. `exact`: as float32 on any wire. */
  broadcast(version: WeightsVersion, exact: boolean): void {
    this.#sender.broadcast(version, exact);
  }
}

function ticketsOf({ run, generation, ticketSecret }: SliceIdentity): Tickets {
  if (ticketSecret === undefined) return null;
  return { gate: new TicketGate({ run, generation, secret: ticketSecret }), grants: new Grants() };
}
