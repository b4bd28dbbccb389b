/**
 * Stands where the TCP transport stands: takes the handlers of the real control server and gives them calls over simulated
 * streams. What a call must do is what those handlers use.
 */
import { EventEmitter } from "node:events";
import type { Handlers, Transport } from "../../shared/grpc/transport.js";
import type { End, Network } from "./network.js";
import type { SimProcess } from "./process.js";

type Handler = (call: ServerCall) => void;

export class SimTransport implements Transport {
  readonly #network: Network;
  readonly #process: SimProcess;
  readonly #handlers = new Map<string, Handler>();

  constructor(network: Network, process: SimProcess) {
    this.#network = network;
    this.#process = process;
  }

  addService(_: unknown, handlers: Handlers): void {
    for (const [method, handler] of Object.entries(handlers))
      this.#handlers.set(method, handler as unknown as Handler);
  }

  /** Port 0: the next free one. */
  async listen(host: string, asked: number): Promise<number> {
    const port = asked === 0 ? this.#network.freePort() : asked;
    this.#network.listen(`${host}:${port}`, this.#process, (end, method, request) => {
      const handler = this.#handlers.get(method);
      if (handler === undefined) return end.abort();
      handler(new ServerCall(end, request));
    });
    return port;
  }

  /** Simulated peers are all known. */
  identify(): () => void {
    return () => undefined;
  }

  cutUnidentified(): void {}

  async close(): Promise<void> {}
}

/** The server's side of one stream: what ServerDuplexStream and ServerWritableStream are to the handlers. */
export class ServerCall extends EventEmitter {
  readonly request: unknown;
  readonly #end: End;
  readonly #arrived: unknown[] = [];
  #wake: () => void = () => undefined;
  #isFinished = false;
  cancelled = false;
  destroyed = false;

  constructor(end: End, request: unknown) {
    super();
    this.#end = end;
    this.request = request;
    end.onMessage = (message) => {
      this.#arrived.push(message);
      this.#wake();
    };
    end.onEnd = (error) => this.#close(error);
    // Emitted by the handlers: the stream ends with that status.
    this.on("error", (status: { readonly details?: string }) => {
      this.#end.send({ refused: status.details ?? "" });
      this.end();
    });
  }

  write(message: unknown): boolean {
    if (!this.#isFinished) this.#end.send(message);
    return true;
  }

  end(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#end.finish();
  }

  getPeer(): string {
    return this.#end.process.name;
  }

  async *iterator(): AsyncGenerator<unknown> {
    for (;;) {
      const [message] = this.#arrived;
      if (this.#arrived.length > 0) {
        this.#arrived.shift();
        yield message;
      } else if (this.cancelled) {
        throw new Error("the stream was cancelled");
      } else if (this.destroyed) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #close(error: Error | null): void {
    this.destroyed = true;
    this.#isFinished = true;
    this.cancelled = error !== null;
    if (this.cancelled) this.emit("cancelled");
    this.emit("close");
    this.#wake();
  }
}
