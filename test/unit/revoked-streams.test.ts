/**
 * A revoked token ends every call of its peer within two seconds. The methods are read from the proto files, so that a
 * new one is tried too.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { get } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import * as grpc from "@grpc/grpc-js";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ControlServer } from "../../coordinator/control-server.js";
import type { CoreEvent } from "../../coordinator/core/events.js";
import type { QueueService } from "../../coordinator/standing/queue-service.js";
import { addRunsService } from "../../coordinator/standing/runs-service.js";
import { encode } from "../../shared/grpc/control-messages.js";
import { controlService, runsService, tensorService } from "../../shared/grpc/protocol.js";
import { json, startMetricsServer } from "../../shared/http.js";
import type { Role } from "../../shared/security/roles.js";
import { ServerSecurity } from "../../shared/security/server-security.js";
import { writeTokenFile } from "../../shared/security/token-file.js";
import { drawToken } from "../../shared/security/tokens.js";
import { helloOf } from "../support/hello.js";
import { TicketedSlice } from "../support/ticketed-slice.js";

const closers: (() => void | Promise<void>)[] = [];
let file: string;
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), "trainyard-revoked-"));
  file = join(folder, "tokens.json");
  closers.push(() => rmSync(folder, { recursive: true }));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The longest time from the rewritten token file to the end of a call. */
const mostMs = 2_000;

/** A queue service whose every answer stays away until its caller's signal aborts; it counts those that did. */
function hangingQueue() {
  const hung = { begun: 0, aborted: 0 };
  const hang = async (signal: AbortSignal) => {
    hung.begun += 1;
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    hung.aborted += 1;
  };
  const signalOf = (args: readonly unknown[]) =>
    args.find((arg): arg is AbortSignal => arg instanceof AbortSignal) ?? AbortSignal.abort();
  const unary = async (...args: unknown[]) => {
    await hang(signalOf(args));
    return {};
  };
  const stream = async function* (...args: unknown[]) {
    yield { run: "r", description: {}, fields: {}, at: "", level: "", message: "" };
    await hang(signalOf(args));
  };
  const queue = {
    submit: unary,
    resume: unary,
    stop: unary,
    show: unary,
    list: stream,
    follow: stream,
    logs: stream,
  };
  return { hung, queue: queue as unknown as QueueService };
}

async function serve(role: Role) {
  const { token, entry } = drawToken({ role, name: "me" }, []);
  writeTokenFile(file, [entry]);
  const security = ServerSecurity.open({ tokens: file });
  const { hung, queue } = hangingQueue();
  const left: string[] = [];
  const joined: string[] = [];
  const server = new ControlServer({
    security,
    onMalformed: () => undefined,
    addServices: (services) => addRunsService(services, queue),
  });
  server.serve({
    run: "r",
    generation: 1,
    onDropped: () => undefined,
    onEvent: (event) => {
      if (event.tag === "hello") joined.push(event.worker);
      if (event.tag === "left") left.push(event.worker);
    },
  });
  const address = `127.0.0.1:${await server.listen("127.0.0.1", 0)}`;
  closers.push(
    () => security.close(),
    () => server.close(),
  );
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  closers.push(() => client.close());
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  const revoke = () => writeTokenFile(file, [{ ...entry, revoked: new Date().toISOString() }]);
  return { security, server, client, metadata, revoke, hung, joined, left, address, token };
}

type Method = grpc.MethodDefinition<object, object>;

/** Opens a call of any kind as a client, and resolves with the status with which it ended. */
function open({ path, requestSerialize, responseDeserialize, requestStream, responseStream }: Method) {
  return (client: grpc.Client, metadata: grpc.Metadata, first: object): Promise<grpc.status> =>
    new Promise((resolve) => {
      const ended = (error: Partial<grpc.StatusObject> | null) => resolve(error?.code ?? grpc.status.OK);
      if (!requestStream && !responseStream) {
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, first, metadata, ended);
        return;
      }
      const call = requestStream
        ? client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata)
        : client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, first, metadata);
      call.on("error", () => undefined);
      call.on("status", ended);
      call.on("data", () => undefined);
      if (call instanceof Duplex) call.write(first);
    });
}

const until = async (isTrue: () => boolean, what: string) => {
  for (let waited = 0; !isTrue(); waited += 5) {
    if (waited > 5_000) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const runsMethods = Object.entries(runsService().service as unknown as Record<string, Method>);
const controlMethods = Object.entries(controlService().service as unknown as Record<string, Method>);

function methodOf(name: string): Method {
  const found = controlMethods.find(([key]) => key.toLowerCase() === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found[1];
}

/** Ends every call at once by revoking the token, and expects each to end in time and by its status. */
async function expectEnded(calls: readonly Promise<grpc.status>[], revoke: () => void): Promise<void> {
  const startedMs = performance.now();
  revoke();
  const statuses = await Promise.all(calls);
  expect(statuses).toEqual(calls.map(() => grpc.status.UNAUTHENTICATED));
  expect(performance.now() - startedMs).toBeLessThan(mostMs);
}

describe("a revoked token", () => {
  it("ends every call of the Runs service, and the work behind it", async () => {
    const { client, metadata, revoke, hung, security } = await serve("operator");
    const request = { dataset: "a", flagsJson: "{}", resume: "", run: "r", follow: true };
    const calls = runsMethods.map(([, method]) => open(method)(client, metadata, request));
    await until(() => hung.begun === calls.length, "every call is under way");
    expect(security.openCalls).toBe(calls.length);
    await expectEnded(calls, revoke);
    await until(() => hung.aborted === calls.length, "nothing goes on");
    expect(security.openCalls).toBe(0);
  });

  it("ends every stream of the Control service; its worker is lost, and its tensor streams end", async () => {
    const { client, metadata, revoke, joined, left } = await serve("worker");
    const slice = await TicketedSlice.start(100);
    closers.push(() => slice.close());
    slice.load();
    slice.begin(0, { w: [0, 1, 2, 3] });
    const connection = slice.connection("w");
    const opened: Record<string, { messages(): AsyncIterable<object> }> = {
      Upload: connection.upload(),
      Weights: connection.weights(slice.request()),
    };
    expect(Object.keys(opened).sort()).toEqual(Object.keys(tensorService().service).sort());
    const tensors = Object.values(opened).map(async (stream) => {
      for await (const _ of stream.messages());
    });
    const hello = encode({ run: "r", generation: 1, body: helloOf("w") });
    const calls = controlMethods.map(([, method]) => open(method)(client, metadata, hello));
    await until(() => joined.length === calls.length, "the worker has joined");
    await expectEnded(calls, revoke);
    await until(() => left.length === calls.length, "the worker is lost");
    slice.tensors.dismiss(1); // what the core has done when a worker is lost
    for (const stream of tensors) await expect(stream).rejects.toThrow("UNAUTHENTICATED");
  });

  it("ends the connection of a caller that reads nothing", async () => {
    const { server, revoke, joined, address, token } = await serve("worker");
    const onEvent = (event: CoreEvent) => {
      if (event.tag === "hello") joined.push(event.worker);
    };
    const streams = server.serve({ run: "r", generation: 2, onDropped: () => undefined, onEvent });
    const session = connectHttp2(`http://${address}`, { settings: { initialWindowSize: 100 } });
    closers.push(() => session.destroy());
    const closed = new Promise<void>((resolve) => session.on("close", resolve));
    session.on("error", () => undefined);
    const join = methodOf("join");
    const stream = session.request(
      {
        ":method": "POST",
        ":path": join.path,
        "content-type": "application/grpc+proto",
        authorization: `Bearer ${token}`,
      },
      { endStream: false },
    );
    stream.on("error", () => undefined);
    const hello = join.requestSerialize(encode({ run: "r", generation: 2, body: helloOf("w") }));
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(hello.length, 1);
    stream.write(Buffer.concat([prefix, hello]));
    await until(() => joined.length === 1, "the worker has joined");
    streams.send("w", { kind: "drain", reason: "x".repeat(10_000) });
    const startedMs = performance.now();
    revoke();
    await closed;
    expect(performance.now() - startedMs).toBeLessThan(mostMs);
  });

  it("cuts an HTTP answer that is still under way", async () => {
    const { entry, token } = drawToken({ role: "viewer" }, []);
    writeTokenFile(file, [entry]);
    const security = ServerSecurity.open({ tokens: file });
    closers.push(() => security.close());
    const server = await startMetricsServer({
      registry: new Registry(),
      port: 0,
      security,
      extraRoutes: [
        { method: "GET", path: "/slow", reply: () => new Promise(() => undefined) },
        { method: "GET", path: "/quick", reply: () => json({}) },
      ],
    });
    closers.push(() => server.close());
    const headers = { authorization: `Bearer ${token}` };
    const ask = (path: string) =>
      new Promise<string>((resolve) => {
        get(`http://${server.address}${path}`, { headers }, (answer) => {
          answer.resume();
          resolve(String(answer.statusCode));
        }).on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      });
    expect(await ask("/quick")).toBe("200");
    const slow = ask("/slow");
    await until(() => security.openCalls === 1, "only the slow answer is open");
    const startedMs = performance.now();
    writeTokenFile(file, []);
    expect(await slow).toBe("ECONNRESET");
    expect(performance.now() - startedMs).toBeLessThan(mostMs);
  });
});

it("the control port bounds connections that say nothing, and keeps those of known callers", async () => {
  const { client, metadata, joined, address } = await serve("worker");
  void open(methodOf("join"))(client, metadata, encode({ run: "r", generation: 1, body: helloOf("w") }));
  await until(() => joined.length === 1, "the worker has joined");
  const silent = { open: 0, closed: 0 };
  const [host = "", port = ""] = address.split(":");
  for (let made = 0; made < 600; made += 1) {
    const socket = connect(Number(port), host);
    socket.on("connect", () => {
      silent.open += 1;
    });
    socket.on("close", () => {
      silent.closed += 1;
    });
    socket.on("error", () => undefined);
    socket.resume();
    closers.push(() => void socket.destroy());
  }
  await until(() => silent.open === 600 && silent.closed === 600 - 512, "the oldest are closed");
  expect(client.getChannel().getConnectivityState(false)).toBe(grpc.connectivityState.READY);
});
