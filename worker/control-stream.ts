/**
 * The worker's end of the control plane: one stream that carries messages both ways. A slow stream is judged by the
 * coordinator's heartbeat deadline. A broken stream ends `messages` with an error, and the worker connects anew.
 */
import type * as grpc from "@grpc/grpc-js";
import { TrainyardError } from "../shared/errors.js";
import { isNotAdmitted } from "../shared/grpc/authorization.js";
import {
  type CoordinatorBody,
  decodeFromCoordinator,
  type Envelope,
  encode,
  type WorkerBody,
} from "../shared/grpc/control-messages.js";
import { callMetadata, channelTo } from "../shared/grpc/credentials.js";
import { isServiceError, reasonOfCall } from "../shared/grpc/failures.js";
import { controlService } from "../shared/grpc/protocol.js";
import { type ClientSecurity, noSecurity } from "../shared/security/client-security.js";

type JoinCall = grpc.ClientDuplexStream<object, unknown>;

/** A control stream as a worker's session uses it. */
export interface ControlStream {
  /** The coordinator's run, written into every message; known from the coordinator's first message on. */
  run: string;
  /** The coordinator's generation, likewise. */
  generation: number;
  /** Sends a message. On a broken stream it is dropped without an error: `messages` ends with one. */
  send(body: WorkerBody): void;
  messages(): AsyncIterable<Envelope<CoordinatorBody>>;
  cancel(): void;
  close(): void;
}

export class GrpcControlStream implements ControlStream {
  readonly #client: grpc.Client;
  readonly #call: JoinCall;
  readonly #address: string;
  run = "";
  generation = 0;

  /**
   * `address`: host:port. `security`: default plain text, no token. The connection is made with the first message. Errors:
   * USAGE when its certificate or token can't be used.
   */
  constructor(address: string, security: ClientSecurity = noSecurity) {
    this.#address = address;
    const { credentials, options } = channelTo(address, security);
    this.#client = new (controlService())(address, credentials, options);
    const join = this.#client["join" as keyof grpc.Client] as unknown as (
      metadata: grpc.Metadata,
    ) => JoinCall;
    this.#call = join.call(this.#client, callMetadata(security, address));
    this.#call.on("error", () => undefined); // the sequence reports it
  }

  send(body: WorkerBody): void {
    if (this.#call.destroyed || !this.#call.writable) return;
    this.#call.write(encode({ run: this.run, generation: this.generation, body }));
  }

  /** The coordinator's messages until the stream ends. Errors: what broke it; REFUSED when the worker is not authorized. */
  async *messages(): AsyncGenerator<Envelope<CoordinatorBody>> {
    try {
      for await (const message of this.#call) yield decodeFromCoordinator(message);
    } catch (error) {
      if (!isServiceError(error)) throw error;
      if (!isNotAdmitted(error)) {
        throw new TrainyardError("UNREACHABLE", reasonOfCall(error), { cause: error });
      }
      const sentence = `the coordinator at ${this.#address} does not let this worker in: ${error.details}`;
      throw new TrainyardError("REFUSED", sentence, { cause: error });
    }
  }

  /** Ends the sequence now. */
  cancel(): void {
    this.#call.cancel();
  }

  close(): void {
    this.#call.end();
    this.#call.cancel();
    this.#client.close();
  }
}
