/** The control plane's server on loopback: what a broken peer does to its own stream, and to no other. */
import * as grpc from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { ControlServer, type ControlServerOptions } from "../../coordinator/control-server.js";
import type { CoreEvent } from "../../coordinator/core/events.js";
import { Ports } from "../../coordinator/ports.js";
import { encode, type WorkerBody } from "../../shared/grpc/control-messages.js";
import { channelOptions, controlService } from "../../shared/grpc/protocol.js";
import { limits } from "../../shared/limits.js";
import { createLogger } from "../../shared/log.js";
import { coordinatorMetrics } from "../../shared/metrics.js";
import { helloOf } from "../support/hello.js";
import { ManualClock } from "../support/manual-clock.js";

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(options: Partial<ControlServerOptions> = {}) {
  const events: CoreEvent[] = [];
  const malformed: string[] = [];
  const dropped: string[] = [];
  const control = new ControlServer({
    onMalformed: (_peer, message) => malformed.push(message),
    ...options,
  });
  const server = control.serve({
    run: "r",
    generation: 1,
    onEvent: (event) => events.push(event),
    onDropped: (worker, reason) => dropped.push(`${worker}: ${reason}`),
  });
  const port = await control.listen("127.0.0.1", 0);
  closers.push(() => control.close());
  return { control, server, port, events, malformed, dropped };
}

function join(port: number, worker: string) {
  const joined = joinSilently(port);
  joined.say(helloOf(worker));
  return joined;
}

function joinSilently(port: number) {
  const client = new (controlService())(
    `127.0.0.1:${port}`,
    grpc.credentials.createInsecure(),
    channelOptions,
  );
  const open = client["join" as keyof grpc.Client] as unknown as () => grpc.ClientDuplexStream<
    object,
    unknown
  >;
  const call = open.call(client);
  const heard: unknown[] = [];
  call.on("data", (message: unknown) => heard.push(message));
  const ended = new Promise<void>((resolve) => {
    call.on("error", () => resolve());
    call.on("end", () => resolve());
  });
  closers.push(
    () => client.close(),
    () => call.cancel(),
  );
  const say = (body: WorkerBody) => call.write(encode({ run: "r", generation: 1, body }));
  return { call, say, heard, ended };
}

const until = async (isTrue: () => boolean, what: string) => {
  for (let waited = 0; !isTrue(); waited += 5) {
    if (waited > 5_000) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

it("a message that is not of the protocol ends that worker's stream, which it sees, and no other's", async () => {
  const { server, port, events, malformed } = await serve();
  const [good, bad] = [join(port, "good"), join(port, "bad")];
  await until(() => events.length === 2, "two hellos");
  bad.call.write({ run: "r", generation: "9007199254740993", heartbeat: { phase: "idle" } });
  await bad.ended;
  await until(() => events.length === 3, "it left");
  expect(events[2]).toMatchObject({ tag: "left", worker: "bad" });
  expect(malformed).toEqual([expect.stringContaining("2^53 - 1")]);
  server.send("good", { kind: "initialise" });
  await until(() => good.heard.length === 1, "the other goes on");
});

it("a worker's second stream replaces its first, and only the second one's end is its loss", async () => {
  const { port, events } = await serve();
  const first = join(port, "a");
  await until(() => events.length === 1, "the first hello");
  const second = join(port, "a");
  await first.ended;
  second.say({ kind: "heartbeat", phase: "idle", share: 0, done: 0 });
  await until(() => events.length === 3, "heard on the second");
  second.call.end();
  await second.ended;
  await until(() => events.length === 4, "it left");
  expect(events.map((event) => event.tag)).toEqual(["hello", "hello", "said", "left"]);
});

it("a message of another run is dropped and counted; its stream goes on", async () => {
  const { port, events, dropped } = await serve();
  const worker = join(port, "a");
  await until(() => events.length === 1, "hello");
  for (const run of ["another", "", "r"]) {
    worker.call.write(encode({ run, generation: 1, body: { kind: "leaving", reason: run } }));
  }
  await until(() => events.length === 2, "the message of this run");
  expect(events[1]).toMatchObject({ tag: "said", body: { kind: "leaving", reason: "r" } });
  expect(dropped).toEqual(["a: other run", "a: other run"]);
});

it("a coordinator's metrics count what its ports drop, by reason", async () => {
  const metrics = coordinatorMetrics();
  const logger = createLogger({ role: "coordinator", level: "silent" });
  const place = { host: "127.0.0.1", port: 0, httpPort: 0 };
  const ports = await Ports.open({ ...place, logger });
  ports.admit({ run: "r", generation: 1, metrics });
  closers.push(() => ports.close());
  const counted = async (reason: string) => {
    const { values } = await metrics.messagesRefused.get();
    return values.find(({ labels }) => labels.reason === reason)?.value ?? 0;
  };
  const { address } = ports.addresses;
  const worker = join(Number(address.slice(address.lastIndexOf(":") + 1)), "a");
  for (const run of ["another", ""]) {
    worker.call.write(
      encode({ run, generation: 1, body: { kind: "heartbeat", phase: "idle", share: 0, done: 0 } }),
    );
  }
  worker.call.write({ run: "r", generation: "9007199254740993", heartbeat: { phase: "idle" } });
  await worker.ended;
  expect([await counted("other run"), await counted("malformed")]).toEqual([2, 1]);
});

it("a stream whose first message is no hello ends, and so does one that says nothing", async () => {
  const clock = new ManualClock();
  const { port, events, malformed } = await serve({ clock });
  const [rude, silent] = [joinSilently(port), joinSilently(port)];
  rude.call.write(
    encode({ run: "r", generation: 1, body: { kind: "heartbeat", phase: "idle", share: 0, done: 0 } }),
  );
  await rude.ended;
  expect(malformed).toEqual([expect.stringContaining("first message is a hello")]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await clock.pass(limits.helloMs + 1);
  await silent.ended;
  expect(events).toEqual([]);
});

describe("a control port without a run", () => {
  it("answers every worker that comes, takes workers once it serves a run, and sends them away when the run is left", async () => {
    const asked: string[] = [];
    const control = new ControlServer({
      onMalformed: () => undefined,
      answerUnservedWorker: (run) => {
        asked.push(run);
        return { kind: "refused", code: "REFUSED", message: "no run yet", retry: true };
      },
    });
    const port = await control.listen("127.0.0.1", 0);
    closers.push(() => control.close());
    const early = join(port, "a");
    await early.ended;
    expect(asked).toEqual(["r"]);
    expect(early.heard).toMatchObject([{ run: "r", refused: { message: "no run yet", retry: true } }]);

    const events: CoreEvent[] = [];
    const onDropped = () => undefined;
    const streams = control.serve({
      run: "r",
      generation: 1,
      onEvent: (event) => events.push(event),
      onDropped,
    });
    const taken = join(port, "a");
    await until(() => events.length === 1, "hello");
    control.leave(streams);
    await taken.ended;
    const late = join(port, "a");
    await late.ended;
    expect(late.heard).toHaveLength(1);
    expect(events.map(({ tag }) => tag)).toEqual(["hello"]); // of a run that is left, nothing more is told
  });
});
