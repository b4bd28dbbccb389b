/**
 * Asks a standing coordinator about its runs. Slow: one answer may take limits.storeCallMs, a stream as long as it lives
 * (keepalive notices a peer that vanished). Twice is the same for every call. A lost answer is UNREACHABLE.
 */
import type * as grpc from "@grpc/grpc-js";
import type { z } from "zod";
import { TrainyardError } from "../errors.js";
import { limits } from "../limits.js";
import { RunEvent } from "../run-events.js";
import type { ClientSecurity } from "../security/client-security.js";
import { RunStatus } from "../status.js";
import { callMetadata, channelTo } from "./credentials.js";
import { failureOf } from "./failures.js";
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

type Call = (
  request: object,
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  answer: (error: grpc.ServiceError | null, reply?: unknown) => void,
) => grpc.ClientUnaryCall;
type StreamCall = (
  request: object,
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
) => grpc.ClientReadableStream<unknown>;

export class RunsClient {
  readonly address: string;
  readonly #security: ClientSecurity;
  readonly #signal: AbortSignal;
  readonly #client: grpc.Client;

  /** `address`: host:port of the control port. `signal` ends every call with INTERRUPTED. Errors: USAGE (TLS files). */
  constructor(address: string, security: ClientSecurity, signal: AbortSignal) {
    this.address = address;
    this.#security = security;
    this.#signal = signal;
    const { credentials, options } = channelTo(address, security);
    this.#client = new (runsService())(address, credentials, options);
  }

  /** Errors: those of the command on the spot, REFUSED (role), UNREACHABLE. */
  submit(request: SubmitRequest): Promise<SubmitReply> {
    return this.#ask("submit", request, SubmitReply);
  }

  stop(run: string): Promise<StopReply> {
    return this.#ask("stop", { run }, StopReply);
  }

  /** Run, spec and state, as the coordinator wrote them. */
  async show(run: string): Promise<unknown> {
    const { json } = await this.#ask("show", { run }, RunDescription);
    return parsedJson(json, "a run's description");
  }

  async *list(): AsyncGenerator<unknown> {
    for await (const { json } of this.#stream("list", {}, RunDescription)) {
      yield parsedJson(json, "a run's description");
    }
  }

  /** Each status that differs from the former one, until the run has ended. */
  async *follow(run: string): AsyncGenerator<RunStatus> {
    for await (const { statusJson } of this.#stream("follow", { run }, RunUpdate)) {
      yield parsedMessage(RunStatus, parsedJson(statusJson, "a run's status"));
    }
  }

  async *logs(run: string, follow: boolean): AsyncGenerator<RunEvent> {
    for await (const { fieldsJson, ...event } of this.#stream("logs", { run, follow }, RunEventMessage)) {
      yield parsedMessage(RunEvent, { ...event, fields: parsedJson(fieldsJson, "an event's fields") });
    }
  }

  close(): void {
    this.#client.close();
  }

  async #ask<T>(method: string, request: object, reply: z.ZodType<T>): Promise<T> {
    this.#signal.throwIfAborted();
    const call = this.#method<Call>(method);
    const metadata = callMetadata(this.#security, this.address);
    const options = { deadline: Date.now() + limits.storeCallMs };
    return await new Promise<T>((resolve, reject) => {
      const running = call.call(this.#client, request, metadata, options, (error, message) => {
        this.#signal.removeEventListener("abort", cancel);
        if (error !== null) return reject(this.#failure(error));
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

  async *#stream<T>(method: string, request: object, message: z.ZodType<T>): AsyncGenerator<T> {
    this.#signal.throwIfAborted();
    const metadata = callMetadata(this.#security, this.address);
    const call = this.#method<StreamCall>(method).call(this.#client, request, metadata, {});
    const cancel = () => call.cancel();
    this.#signal.addEventListener("abort", cancel, { once: true });
    try {
      for await (const item of call) yield parsedMessage(message, item);
    } catch (error) {
      throw this.#failure(error);
    } finally {
      this.#signal.removeEventListener("abort", cancel);
      call.on("error", () => undefined); // of the cancelling
      call.cancel();
    }
  }

  #failure(error: unknown): TrainyardError {
    if (this.#signal.aborted) return new TrainyardError("INTERRUPTED", "interrupted", { cause: error });
    return failureOf(error, this.address);
  }

  #method<T>(name: string): T {
    return this.#client[name as keyof grpc.Client] as unknown as T;
  }
}
