/** Stands where the tensor plane's HTTP/2 server stands: gives the real slice server calls over simulated streams. */
import type {
  ListenAddress,
  OutgoingChunk,
  TensorCredentials,
  TensorHandlers,
  TensorListener,
  UploadCall,
  WeightsCall,
} from "../../shared/grpc/tensor-server.js";
import { ServerCall } from "./grpc-server.js";
import type { Network } from "./network.js";
import type { SimProcess } from "./process.js";

export class SimTensorListener implements TensorListener {
  readonly #network: Network;
  readonly #process: SimProcess;

  constructor(network: Network, process: SimProcess) {
    this.#network = network;
    this.#process = process;
  }

  async listen(handlers: TensorHandlers, { host, port }: ListenAddress): Promise<number> {
    const chosen = port === 0 ? this.#network.freePort() : port;
    this.#network.listen(`${host}:${chosen}`, this.#process, (end, method, request) => {
      const call = new SimTensorCall(new ServerCall(end, request), request);
      if (method === "upload") handlers.upload(call);
      else if (method === "weights") handlers.weights(call);
      else end.abort();
    });
    return chosen;
  }

  renew(): void {}

  close(): void {}
}

class SimTensorCall implements UploadCall, WeightsCall {
  readonly #call: ServerCall;
  readonly request: unknown;
  readonly credentials: TensorCredentials;

  constructor(call: ServerCall, request: unknown) {
    this.#call = call;
    this.request = request;
    // The network's own attempts bring nothing along.
    const brought = request as { readonly credentials?: TensorCredentials } | null;
    this.credentials = brought?.credentials ?? { worker: "", ticket: "" };
  }

  get isOver(): boolean {
    return this.#call.cancelled || this.#call.destroyed;
  }

  onOver(listener: () => void): () => void {
    this.#call.once("close", listener);
    return () => this.#call.off("close", listener);
  }

  messages(): AsyncIterable<unknown> {
    return this.#call.iterator();
  }

  async acknowledge(ack: object): Promise<void> {
    this.#call.write(ack);
  }

  /** The bytes are the sender's again when this returns. */
  async send({ fields, data }: OutgoingChunk): Promise<void> {
    this.#call.write({ ...fields, data: Uint8Array.from(data) });
  }

  end(): void {
    this.#call.end();
  }

  cut(): void {
    this.refuse("cut off");
  }

  refuse(details: string): void {
    if (!this.isOver) this.#call.emit("error", { details });
  }
}
