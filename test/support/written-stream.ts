/** A worker's control stream to a coordinator whose messages the test writes. */
import type { CoordinatorBody, Envelope, WorkerBody } from "../../shared/grpc/control-messages.js";
import type { ControlStream } from "../../worker/control-stream.js";

export class WrittenStream implements ControlStream {
  run = "";
  generation = 0;
  /** What the worker sent. */
  readonly said: WorkerBody[] = [];
  readonly #queue: (CoordinatorBody | null)[] = [];
  #wake: () => void = () => undefined;

  /** Adds messages of the coordinator; null ends the stream. */
  write(...bodies: (CoordinatorBody | null)[]): void {
    this.#queue.push(...bodies);
    this.#wake();
  }

  send(body: WorkerBody): void {
    this.said.push(body);
    this.#wake();
  }

  async *messages(): AsyncGenerator<Envelope<CoordinatorBody>> {
    for (;;) {
      const body = this.#isHeldBack() ? undefined : this.#queue.shift();
      if (body === null) return;
      if (body !== undefined) yield { run: "test", generation: 4, body };
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** A coordinator names the slices to a worker that is ready, and gives it work after that. */
  #isHeldBack(): boolean {
    return this.#queue[0]?.kind === "slices" && !this.said.some(({ kind }) => kind === "ready");
  }

  cancel = () => this.write(null);
  close = () => this.write(null);
}
