/**
 * The worker's end of the control plane: one stream, messages out, messages in as an async sequence. Slow: the
 * coordinator's heartbeat deadline decides. Broken: the sequence ends with an error and the worker connects anew.
 */
import * as grpc from "@grpc/grpc-js";
import {
  type CoordinatorBody,
  decodeFromCoordinator,
  type Envelope,
  encode,
  type WorkerBody,
} from "../shared/grpc/control-messages.js";
import { channelOptions, controlService } from "../shared/grpc/protocol.js";

type JoinCall = grpc.ClientDuplexStream<object, unknown>;

/** What a worker's session needs of it. */
export interface ControlStream {
  /** Of the coordinator, written into every message; known from its first one on. */
  run: string;
  generation: number;
  /** Lost without a word when the stream is broken: then `messages` tells. */
  send(body: WorkerBody): void;
  messages(): AsyncIterable<Envelope<CoordinatorBody>>;
  cancel(): void;
  close(): void;
}

export class GrpcControlStream implements ControlStream {
  readonly #client: grpc.Client;
  readonly #call: JoinCall;
  run = "";
  generation = 0;

  /** `address`: host:port. The connection is made with the first message. */
  constructor(address: string) {
    this.#client = new (controlService())(address, grpc.credentials.createInsecure(), channelOptions);
    const join = this.#client["join" as keyof grpc.Client] as unknown as () => JoinCall;
    this.#call = join.call(this.#client);
    this.#call.on("error", () => undefined); // the sequence reports it
  }

  send(body: WorkerBody): void {
    if (this.#call.destroyed || !this.#call.writable) return;
    this.#call.write(encode({ run: this.run, generation: this.generation, body }));
  }

  /** What the coordinator says, until the stream ends. Throws what broke it. */
  async *messages(): AsyncGenerator<Envelope<CoordinatorBody>> {
    for await (const message of this.#call) yield decodeFromCoordinator(message);
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
