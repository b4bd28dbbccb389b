/** The worker's control stream over the simulated network, with the real encoding and the real checks. */
import { TrainyardError } from "../../shared/errors.js";
import {
  type CoordinatorBody,
  decodeFromCoordinator,
  type Envelope,
  encode,
  type WorkerBody,
} from "../../shared/grpc/control-messages.js";
import type { ControlStream } from "../../worker/control-stream.js";
import type { End, Network } from "./network.js";
import type { SimProcess } from "./process.js";

/** proto-loader names the kind in a field of its own. */
export function onTheWire(envelope: Envelope<WorkerBody | CoordinatorBody>): object {
  return { ...encode(envelope), body: envelope.body.kind };
}

/** What a handler wrote, as its receiver decodes it. */
export function withKind(message: object): object {
  const kind = Object.keys(message).find(
    (name) => name !== "run" && name !== "generation" && name !== "body",
  );
  return { ...message, body: kind };
}

export class SimControlStream implements ControlStream {
  readonly #end: End;
  readonly #arrived: object[] = [];
  #wake: () => void = () => undefined;
  #ended: { readonly error: Error | null } | undefined;
  #isClosed = false;
  run = "";
  generation = 0;

  constructor(network: Network, process: SimProcess, address: string) {
    this.#end = network.connect(process, address, "join", null);
    this.#end.onMessage = (message) => {
      this.#arrived.push(message as object);
      this.#wake();
    };
    this.#end.onEnd = (error) => {
      this.#ended ??= { error };
      this.#wake();
    };
  }

  send(body: WorkerBody): void {
    if (this.#ended !== undefined || this.#isClosed) return;
    this.#end.send(onTheWire({ run: this.run, generation: this.generation, body }));
  }

  async *messages(): AsyncGenerator<Envelope<CoordinatorBody>> {
    for (;;) {
      const message = this.#arrived.shift();
      if (message !== undefined) yield decodeFromCoordinator(withKind(message));
      else if (this.#ended?.error === null) return;
      else if (this.#ended !== undefined) throw new TrainyardError("UNREACHABLE", this.#ended.error.message);
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  cancel(): void {
    this.#end.abort();
  }

  close(): void {
    this.#isClosed = true;
    this.#end.abort();
  }
}
