/** A wrong or taken port, or no port at all: one sentence that says what is wrong, where, and what to do. */
import { createServer, type Server } from "node:net";
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ControlServer } from "../../coordinator/control-server.js";
import { RunsClient } from "../../shared/grpc/runs-client.js";
import { Http2TensorServer } from "../../shared/grpc/tensor-server.js";
import { type MetricsServer, startMetricsServer } from "../../shared/http.js";
import { createLogger } from "../../shared/log.js";
import { ClientSecurity, noSecurity } from "../../shared/security/client-security.js";
import { findConnectionFault } from "../../shared/security/connection-fault.js";
import { ServerSecurity } from "../../shared/security/server-security.js";
import { fetchStatus } from "../../shared/status.js";
import { GrpcControlStream } from "../../worker/control-stream.js";
import { CoordinatorSearch } from "../../worker/coordinator-search.js";
import { type CertificateFolders, makeCertificateFolders } from "../support/certificates.js";
import { helloOf } from "../support/hello.js";
import { ManualClock } from "../support/manual-clock.js";

let certificates: CertificateFolders;
let http: MetricsServer;
let https: MetricsServer;
let security: ServerSecurity;
let control: ControlServer;
let controlPort: number;
let tensorPort: number;
const tensors = new Http2TensorServer();
const secured = () => new ClientSecurity({ tls: certificates.of("operator") });

beforeAll(async () => {
  certificates = await makeCertificateFolders();
  security = ServerSecurity.open({ tls: certificates.of("coordinator") });
  const registry = new Registry();
  http = await startMetricsServer({ registry, port: 0 });
  https = await startMetricsServer({ registry, port: 0, security });
  control = new ControlServer({ onMalformed: () => undefined });
  controlPort = await control.listen("127.0.0.1", 0);
  const handlers = { upload: () => undefined, weights: () => undefined };
  tensorPort = await tensors.listen(handlers, {
    host: "127.0.0.1",
    port: 0,
    receiveWindowBytes: 65_536,
    tls: null,
  });
});
afterAll(async () => {
  await Promise.all([http.close(), https.close(), control.close()]);
  tensors.destroy();
  security.close();
  certificates.remove();
});

/** Words of grpc-js, Node and OpenSSL that say nothing to a user. */
const raw = /UNAVAILABLE|INTERNAL|E[A-Z]{5,}|Protocol error|HTTP\/2|HTTP2|received|No connection|LB|Parse/;

const submitted = async (address: string, client: ClientSecurity): Promise<Error> => {
  const runs = new RunsClient(address, client, new AbortController().signal);
  try {
    return await runs.submit({ dataset: "a", flagsJson: "{}", resume: "" }).then(
      () => new Error("it was taken"),
      (error: Error) => error,
    );
  } finally {
    runs.close();
  }
};

describe("submit to", () => {
  it.each<[string, () => [string, ClientSecurity], string]>([
    [
      "the HTTP port",
      () => [http.address, noSecurity],
      "is an HTTP server, not a coordinator's control port",
    ],
    [
      "the HTTPS port",
      () => [https.address, secured()],
      "is an HTTP server, not a coordinator's control port",
    ],
    [
      "a tensor port",
      () => [`127.0.0.1:${tensorPort}`, noSecurity],
      "is a coordinator's tensor port, not its control port",
    ],
    ["a port of one run", () => [`127.0.0.1:${controlPort}`, noSecurity], "has one run and takes no others"],
    ["a port without TLS", () => [`127.0.0.1:${controlPort}`, secured()], "speaks no TLS"],
    ["no port", () => ["127.0.0.1:1", noSecurity], "nothing listens there"],
    ["no machine", () => ["no-such-name.invalid:7070", noSecurity], "its name is not known"],
  ])("%s says what is wrong and where", async (_, at, sentence) => {
    const [address, client] = at();
    const { message } = await submitted(address, client);
    expect(message).toContain(sentence);
    expect(message).toContain(address);
    expect(message).not.toMatch(raw);
  });
});

describe("a worker at", () => {
  const reasonAt = async (address: string): Promise<string> => {
    const stream = new GrpcControlStream(address);
    stream.send(helloOf("w"));
    try {
      for await (const _ of stream.messages());
      return "";
    } catch (error) {
      return (error as Error).message;
    } finally {
      stream.close();
    }
  };

  it("no port hears that nothing listens there", async () => {
    expect(await reasonAt("127.0.0.1:1")).toBe("nothing listens there");
  });

  it("the HTTP port gives up with that sentence", async () => {
    const reason = await reasonAt(http.address);
    expect(reason).not.toMatch(raw);
    const search = new CoordinatorSearch({
      coordinator: http.address,
      clock: new ManualClock(),
      logger: createLogger({ role: "worker", level: "silent" }),
      signal: new AbortController().signal,
      diagnose: findConnectionFault,
    });
    await expect(search.pauseUnanswered(reason)).rejects.toThrow("not a coordinator's control port");
  });
});

it("an HTTP client at the control port hears that it is none", async () => {
  const { message } = await fetchStatus(`127.0.0.1:${controlPort}`, "r").catch(
    (error: Error) => error as Error,
  );
  expect(message).toContain(`the coordinator at 127.0.0.1:${controlPort} can't be reached`);
  expect(message).toContain("is this the coordinator's control port, not its HTTP port?");
  expect(message).not.toMatch(raw);
});

describe("a port that is taken", () => {
  let holder: Server;
  let port: number;
  beforeAll(async () => {
    holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    port = (holder.address() as { port: number }).port;
  });
  afterAll(() => void holder.close());

  it.each<[string, () => Promise<unknown>]>([
    ["control", () => new ControlServer({ onMalformed: () => undefined }).listen("127.0.0.1", port)],
    ["HTTP", () => startMetricsServer({ registry: new Registry(), port })],
    [
      "tensor",
      () =>
        new Http2TensorServer().listen(
          { upload: () => undefined, weights: () => undefined },
          { host: "127.0.0.1", port, receiveWindowBytes: 65_536, tls: null },
        ),
    ],
  ])("is told in one sentence by the %s server", async (_, listen) => {
    await expect(listen()).rejects.toMatchObject({
      code: "USAGE",
      message: `can't listen on 127.0.0.1:${port}: another process listens there. End it, or choose another port`,
    });
  });
});
