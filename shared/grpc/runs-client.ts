/**
 * The client of a standing coordinator's Runs service. Slow: one answer may take limits.storeCallMs; a stream may take any
 * time, and keepalive notices a peer that vanished. Every call may be repeated. A lost answer is UNREACHABLE.
 */
import type * as grpc from "@grpc/grpc-js";
import type { z } from "zod";
import { TrainyardError } from "../errors.js";
import { limits } from "../limits.js";
import { RunEvent } from "../run-events.js";
import type { ClientSecurity } from "../security/client-security.js";
import { RunStatus } from "../status.js";
import { callMetadata, channelTo } from "./credentials.js";
import { explainedFailure } from "./failures.js";
import type { RunsClient as RunsServiceClient } from "./generated/trainyard/v1/Runs.js";
import { runsService } from "./protocol.js";
import {
  parsedJson,
  parsedMessage,
  RunDescription,
  RunEventMessage,
  RunUpdate,
  StopReply,
  SubmitReply,
  type SubmitRequest,
} from "./runs-messages.js";

/** Starts one call of the Runs service with what all calls have in common. */
type UnaryCall = (
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  answer: (error: grpc.ServiceError | null, reply?: unknown) => void,
) => grpc.ClientUnaryCall;
type StreamCall = (metadata: grpc.Metadata, options: grpc.CallOptions) => grpc.ClientReadableStream<unknown>;

/** Calls of the Runs service, with checked answers. */
export class RunsClient {
  readonly address: string;
  readonly #security: ClientSecurity;
  readonly #signal: AbortSignal;
  readonly #client: RunsServiceClient;

  /** `address`: host:port of the control port. `signal` ends every call with INTERRUPTED. Errors: USAGE (TLS files). */
  constructor(address: string, security: ClientSecurity, signal: AbortSignal) {
    this.address = address;
    this.#security = security;
    this.#signal = signal;
    const { credentials, options } = channelTo(address, security);
    this.#client = new (runsService())(address, credentials, options);
  }

  /** Hands a run in. Errors: those of `trainyard train` with the same flags, REFUSED (role), UNREACHABLE. */
  submit(request: SubmitRequest): Promise<SubmitReply> {
    return this.#ask((...rest) => this.#client.submit(request, ...rest), SubmitReply);
  }

  /** Stops the current run, or takes a waiting one out of the queue. */
  stop(run: string): Promise<StopReply> {
    return this.#ask((...rest) => this.#client.stop({ run }, ...rest), StopReply);
  }

  /** One run: its name, spec and state. */
  async show(run: string): Promise<unknown> {
    const { json } = await this.#ask((...rest) => this.#client.show({ run }, ...rest), RunDescription);
    return parsedJson(json, "a run's description");
  }

  /** Every run of the store, by name. */
  async *list(): AsyncGenerator<unknown> {
    for await (const { json } of this.#stream((...rest) => this.#client.list({}, ...rest), RunDescription)) {
      yield parsedJson(json, "a run's description");
    }
  }

  /** The run's status, again after each change, until the run has ended. */
  async *follow(run: string): AsyncGenerator<RunStatus> {
    const updates = this.#stream((...rest) => this.#client.follow({ run }, ...rest), RunUpdate);
    for await (const { statusJson } of updates) {
      yield parsedMessage(RunStatus, parsedJson(statusJson, "a run's status"));
    }
  }

  /** The events of a run's log; with `follow` also those to come, until the run has ended. */
  async *logs(run: string, follow: boolean): AsyncGenerator<RunEvent> {
    const events = this.#stream((...rest) => this.#client.logs({ run, follow }, ...rest), RunEventMessage);
    for await (const { fieldsJson, ...event } of events) {
      yield parsedMessage(RunEvent, { ...event, fields: parsedJson(fieldsJson, "an event's fields") });
    }
  }

  close(): void {
    this.#client.close();
  }

  async #ask<T>(start: UnaryCall, reply: z.ZodType<T>): Promise<T> {
    this.#signal.throwIfAborted();
    const metadata = callMetadata(this.#security, this.address);
    const options = { deadline: Date.now() + limits.storeCallMs };
    return await new Promise<T>((resolve, reject) => {
      const running = start(metadata, options, (error, message) => {
        this.#signal.removeEventListener("abort", cancel);
        if (error !== null) return void this.#failure(error).then(reject);
        try {
          resolve(parsedMessage(reply, message));
        } catch (caught) {
          reject(caught);
        }
      });
      const cancel = () => running.cancel();
      this.#signal.addEventListener("abort", cancel, { once: true });
    });
  }

  async *#stream<T>(start: StreamCall, message: z.ZodType<T>): AsyncGenerator<T> {
    this.#signal.throwIfAborted();
    const metadata = callMetadata(this.#security, this.address);
    const call = start(metadata, {});
    const cancel = () => call.cancel();
    this.#signal.addEventListener("abort", cancel, { once: true });
    try {
      for await (const item of call) yield parsedMessage(message, item);
    } catch (error) {
      throw await this.#failure(error);
    } finally {
      this.#signal.removeEventListener("abort", cancel);
      call.on("error", () => undefined); // the cancellation itself
      call.cancel();
    }
  }

  async #failure(error: unknown): Promise<TrainyardError> {
    if (this.#signal.aborted) return new TrainyardError("INTERRUPTED", "interrupted", { cause: error });
    return await explainedFailure(error, this.address, this.#security);
  }
}
