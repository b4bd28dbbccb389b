/**
 * An HTTP proxy in front of a real server that does, to each request, what a test says: pass it on, lose the answer
 * after the server has carried the request out, lose the request, or answer in the server's place.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";

export type Fault =
  | "pass"
  /** The server does what it is asked; nobody hears of it. */
  | "lose answer"
  | "lose request"
  /** The connection breaks after the first bytes of the answer's body. */
  | "cut answer"
  | { readonly status: number; readonly body: string };

export interface FaultyProxy {
  readonly port: number;
  /** Decides by request; replaced by a test at any time. */
  decide: (request: IncomingMessage) => Fault;
  close(): Promise<void>;
}

export async function startFaultyProxy(serverPort: number): Promise<FaultyProxy> {
  const server = createServer((incoming, outgoing) => {
    const fault = proxy.decide(incoming);
    if (fault === "lose request") incoming.socket.destroy();
    else if (typeof fault === "object") answer(incoming, outgoing, fault.status, fault.body);
    else forward(incoming, outgoing, serverPort, fault);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the proxy has no port");
  const proxy: FaultyProxy = {
    port: address.port,
    decide: () => "pass",
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}

function answer(incoming: IncomingMessage, outgoing: ServerResponse, status: number, body: string): void {
  incoming.resume();
  incoming.once("end", () => outgoing.writeHead(status, { "content-type": "application/xml" }).end(body));
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, port: number, fault: Fault): void {
  const { method, url: path, headers } = incoming;
  const forwarded = request({ host: "127.0.0.1", port, method, path, headers }, (response) => {
    if (fault === "lose answer") {
      response.resume();
      response.once("end", () => incoming.socket.destroy());
      return;
    }
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    response.on("error", () => incoming.socket.destroy());
    if (fault === "cut answer") {
      response.once("data", (chunk) => outgoing.write(chunk, () => incoming.socket.destroy()));
      return;
    }
    response.pipe(outgoing);
  });
  forwarded.on("error", () => incoming.socket.destroy());
  incoming.pipe(forwarded);
}
