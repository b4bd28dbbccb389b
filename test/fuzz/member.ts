/**
 * A worker with a token that keeps to the protocol as far as its attack needs it, and no further: it says and sends what
 * it likes, as messages or as bytes.
 */
import * as grpc from "@grpc/grpc-js";
import {
  type CoordinatorBody,
  decodeFromCoordinator,
  encode,
  type SliceEndpoint,
  type WorkerBody,
} from "../../shared/grpc/control-messages.js";
import { channelOptions, controlService } from "../../shared/grpc/protocol.js";
import { TensorConnection, type UploadStream } from "../../shared/grpc/tensor-client.js";
import { protocolVersion } from "../../shared/grpc/version.js";
import { programVersion } from "../../shared/version.js";
import type { Attacked, Target } from "./target.js";

interface Method {
  readonly path: string;
  requestSerialize(message: object): Buffer;
  responseDeserialize(bytes: Buffer): object;
}
const { Join: join } = controlService().service as unknown as { readonly Join: Method };

type Of<Kind extends CoordinatorBody["kind"]> = Extract<CoordinatorBody, { kind: Kind }>;

export class Member {
  readonly id: string;
  readonly #target: Target;
  readonly #attacked: Attacked;
  readonly #client: grpc.Client;
  readonly #call: grpc.ClientDuplexStream<Buffer, object>;
  readonly #heard: CoordinatorBody[] = [];
  readonly #connections: TensorConnection[] = [];
  #beating: NodeJS.Timeout | undefined;
  isOver = false;

  /** `client`: another stream of its connection. */
  constructor(target: Target, attacked: Attacked, id: string, client?: grpc.Client) {
    this.#target = target;
    this.#attacked = attacked;
    this.id = id;
    const address = `127.0.0.1:${attacked.ports.control}`;
    this.#client = client ?? new grpc.Client(address, grpc.credentials.createInsecure(), channelOptions);
    const metadata = new grpc.Metadata();
    metadata.set("authorization", `Bearer ${target.workerToken}`);
    this.#call = this.#client.makeBidiStreamRequest(
      join.path,
      (bytes: Buffer) => bytes,
      join.responseDeserialize,
      metadata,
    );
    this.#call.on("data", (message) => this.#heard.push(decodeFromCoordinator(message).body));
    for (const event of ["error", "end"]) {
      this.#call.on(event, () => {
        this.isOver = true;
      });
    }
  }

  get client(): grpc.Client {
    return this.#client;
  }

  /** Bytes as one message. */
  write(bytes: Buffer): void {
    if (!this.isOver) this.#call.write(bytes);
  }

  /** Any object that protobuf takes for a message. */
  raw(body: object, change: object = {}): void {
    const { run, generation } = this.#attacked;
    this.write(join.requestSerialize({ run, generation, ...body, ...change }));
  }

  say(body: WorkerBody): void {
    this.write(this.bytesOf(body));
  }

  bytesOf(body: WorkerBody): Buffer {
    const { run, generation } = this.#attacked;
    return join.requestSerialize(encode({ run, generation, body }));
  }

  hello(change: object = {}): void {
    this.raw({
      hello: {
        protocol: protocolVersion,
        version: programVersion(),
        worker: this.id,
        host: "elsewhere",
        pid: 1,
        fingerprint: this.#target.fingerprint,
        metrics: "",
        ...change,
      },
    });
  }

  /** As an honest worker does it, until it has slices and a ticket; null: it was not taken, or the run is over. */
  async join(): Promise<Of<"slices"> | null> {
    this.hello();
    if ((await this.#hear("welcome")) === null) return null;
    this.say({ kind: "ready", layoutJson: this.#target.layoutJson });
    this.#beating = setInterval(() => this.say({ kind: "heartbeat", phase: "idle", share: 0, done: 0 }), 500);
    return await this.#hear("slices");
  }

  /** The next lanes that it gets. */
  lanes(): Promise<Of<"gradients"> | null> {
    return this.#hear("gradients");
  }

  connection({ ticket, slices }: Of<"slices">, slice = 0): TensorConnection {
    const { port } = slices[slice] as SliceEndpoint;
    const connection = new TensorConnection(`127.0.0.1:${port}`, { tls: null, worker: this.id, ticket });
    this.#connections.push(connection);
    return connection;
  }

  /** A stream whose answers are read. */
  upload(slices: Of<"slices">, slice = 0): UploadStream {
    const stream = this.connection(slices, slice).upload();
    void (async () => {
      try {
        for await (const _ of stream.messages());
      } catch {
        // Refused, as it may be.
      }
    })();
    return stream;
  }

  /** Of a chunk that is right, but for `change`. */
  chunk(lanes: Of<"gradients">, change: object = {}): object {
    const { run, generation } = this.#attacked;
    const [lane = 0] = lanes.lanes;
    const at = { step: lanes.step, attempt: lanes.attempt, slice: 0, beginLane: lane, endLane: lane + 1 };
    return { run, generation, ...at, kind: "GRADIENT", offset: 0, crc32c: 0, worker: this.id, ...change };
  }

  request(): object {
    const { run, generation } = this.#attacked;
    return { run, generation, slice: 0 };
  }

  leave(): void {
    clearInterval(this.#beating);
    for (const connection of this.#connections) connection.close();
    this.#call.cancel();
    this.#client.close();
  }

  async #hear<Kind extends CoordinatorBody["kind"]>(kind: Kind): Promise<Of<Kind> | null> {
    for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 10) {
      const index = this.#heard.findIndex((body) => body.kind === kind);
      if (index >= 0) return this.#heard.splice(0, index + 1).at(-1) as Of<Kind>;
      if (this.isOver) return null;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return null;
  }
}
