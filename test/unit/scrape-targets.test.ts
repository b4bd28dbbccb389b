/** What Prometheus is told of where workers' metrics are: what they say, as far as it is an address. */
import { describe, expect, it } from "vitest";
import { isAddress, scrapeTargets } from "../../coordinator/observability/scrape-targets.js";
import { Ports } from "../../coordinator/ports.js";
import { type JoinCall, WorkerStreams } from "../../coordinator/worker-streams.js";
import { createLogger } from "../../shared/log.js";
import { helloOf } from "../support/hello.js";

const stream = () => ({ end: () => undefined }) as unknown as JoinCall;

describe("an address", () => {
  it.each(["127.0.0.1:7090", "trainyard-worker-0.workers.default.svc:7090", "[::1]:1", "gpu_7:65535"])(
    "is %s",
    (text) => expect(isAddress(text)).toBe(true),
  );

  it.each([
    "",
    "7090",
    ":7090",
    "host",
    "host:0",
    "host:65536",
    "host:70900",
    "host:+1",
    "::1:7090",
    "[host]:7090",
    "[::1:7090",
    "user@host:1",
    "host/path:1",
    "host\n:1",
    'h"ost:1',
    "-host:1",
    `${"a".repeat(254)}:1`,
  ])("is not %j", (text) => expect(isAddress(text)).toBe(false));
});

it("workers that show no metrics, or name what is no address, are no targets", () => {
  const workers = [
    { worker: 'w"1\n', address: "10.0.0.7:7090" },
    { worker: "silent", address: "" },
    { worker: "liar", address: "10.0.0.8:7090/admin" },
  ];
  expect(scrapeTargets("faces-1", workers)).toEqual([
    {
      targets: ["10.0.0.7:7090"],
      labels: { __meta_trainyard_worker: 'w"1\n', __meta_trainyard_run: "faces-1" },
    },
  ]);
});

it("a worker's address is that of its last stream, and gone with it", () => {
  const streams = new WorkerStreams({
    run: "r",
    generation: 1,
    onEvent: () => undefined,
    onDropped: () => undefined,
  });
  const peer = { role: "worker", name: "anyone", key: "anyone" } as const;
  const [first, second] = [stream(), stream()];
  streams.greet(first, peer, helloOf("a", "h:1"));
  streams.greet(second, peer, helloOf("a", "h:2"));
  streams.greet(stream(), peer, helloOf("b", ""));
  expect(streams.metricsAddresses).toEqual([
    { worker: "a", address: "h:2" },
    { worker: "b", address: "" },
  ]);
  streams.left(first, "a", "late end of the first");
  expect(streams.metricsAddresses).toHaveLength(2);
  streams.left(second, "a", "gone");
  expect(streams.metricsAddresses).toEqual([{ worker: "b", address: "" }]);
});

it("a coordinator without a run names no targets, and tells of its process only", async () => {
  const logger = createLogger({ role: "coordinator", level: "silent" });
  const ports = await Ports.open({ host: "127.0.0.1", port: 0, httpPort: 0, logger });
  try {
    const ask = (path: string) => fetch(`http://${ports.addresses.http}${path}`);
    const found = await ask("/workers/sd");
    expect(found.headers.get("content-type")).toMatch(/^application\/json/);
    expect(await found.json()).toEqual([]);
    const exposition = await (await ask("/metrics")).text();
    expect(exposition).toContain("trainyard_build_info{");
    expect(exposition).not.toContain("trainyard_phase");
  } finally {
    await ports.close();
  }
});
