/**
 * The network between workers and coordinator breaks, falls silent and slows down while a run trains; no process is
 * hurt. A lost worker comes back by itself, in the same process, and nothing of it changes a bit.
 */
import type { ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { limits } from "../../shared/limits.js";
import { scratch } from "../support/program.js";
import { hasLanes, ProxiedCluster, workerOf } from "../support/proxied-cluster.js";
import { ReferenceRun } from "../support/reference-run.js";
import type { TcpProxy } from "../support/tcp-proxy.js";

const place = scratch();
const options = { cwd: place.folder, store: `file:${place.folder}/store` };
const flags = ["--lanes", "4", "--batch-size", "32", "--epochs", "12", "--image-size", "32", "--seed", "5"];
/** Well inside a vector of 1.4 MB on its way. */
const middleOfVector = 500_000;
const longerThanLostMs = limits.lostAfterMs + 2_000;

let reference: ReferenceRun;

beforeAll(async () => {
  reference = await ReferenceRun.ofFaces(flags, options);
}, 300_000);
afterAll(() => place.remove());

interface Training {
  readonly proxied: ProxiedCluster;
  readonly processes: readonly ChildProcess[];
  readonly everyProxy: readonly TcpProxy[];
}

/** What `hurt` does to a run of two workers changes neither its bits nor its processes. */
async function expectUnchanged(run: string, hurt: (training: Training) => Promise<void>): Promise<void> {
  await using proxied = await ProxiedCluster.start(run, "faces", flags, options);
  const processes = await proxied.startBoth();
  const { a, b } = proxied.routes;
  await hurt({ proxied, processes, everyProxy: [...a.proxies, ...b.proxies] });
  await proxied.expectSameEnd(reference);
  expect(await proxied.cluster.end("b")).toMatchObject({ code: 0 });
  expect(processes.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
}

describe("a network that", () => {
  it("cuts every connection in the middle of an upload, then one worker's tensors, changes nothing", async () => {
    await expectUnchanged("cut", async ({ proxied: { cluster, routes }, everyProxy }) => {
      await routes.b.tensors.holdAfter("up", middleOfVector);
      const { step } = await cluster.status();
      for (const proxy of everyProxy) expect(proxy.cut()).toBeGreaterThan(0);
      routes.b.tensors.flow();
      await cluster.until("the step after it, by both", (status) => {
        return status.step > step + 1 && hasLanes(status, "a") && hasLanes(status, "b");
      });

      for (const direction of ["up", "down"] as const) {
        await routes.b.tensors.holdAfter(direction, middleOfVector);
        expect(routes.b.tensors.cut()).toBeGreaterThan(0);
        routes.b.tensors.flow();
        const { step } = await cluster.status();
        await cluster.until("its lanes", (status) => status.step > step + 1 && hasLanes(status, "b"));
      }
    });
  }, 300_000);

  it("is silent for everyone, then for one worker, longer than lost-after, is waited for and worked around", async () => {
    await expectUnchanged("silent", async ({ proxied: { cluster, routes }, everyProxy }) => {
      for (const proxy of everyProxy) proxy.stall();
      const { step } = await cluster.until("loss of all", (status) => status.workers.length === 0);
      await sleep(longerThanLostMs);
      expect(await cluster.status()).toMatchObject({ step, message: "waiting for a worker" });
      for (const proxy of everyProxy) proxy.flow();
      const areBoth = (from: number) => (status: Awaited<ReturnType<typeof cluster.status>>) =>
        status.step > from && hasLanes(status, "a") && hasLanes(status, "b");
      await cluster.until("a step of both", areBoth(step));

      for (const proxy of routes.b.proxies) proxy.stall();
      const isAlone = await cluster.until("loss of one", (status) => !workerOf(status, "b"));
      await cluster.until("steps of the other", (status) => status.step > isAlone.step + 1);
      for (const proxy of routes.b.proxies) proxy.flow();
      await cluster.until("its return", areBoth(isAlone.step));
    });
  }, 300_000);

  it("lets a worker be heard but not hear, then slows it down, does not hold the run up for good", async () => {
    await expectUnchanged("deaf-and-slow", async ({ proxied: { cluster, routes } }) => {
      for (const proxy of routes.b.proxies) proxy.stall("down");
      const { step } = await cluster.status();
      await cluster.until("steps without it", (status) => status.step > step + 2);
      for (const proxy of routes.b.proxies) proxy.flow("down");
      await cluster.until("its lanes", (status) => status.step > step + 3 && hasLanes(status, "b"));

      routes.a.tensors.flow();
      routes.b.tensors.slow(500_000);
      const slowed = await cluster.status();
      await cluster.until("slow steps", (status) => status.step > slowed.step + 2);
      routes.b.tensors.flow();
    });
  }, 300_000);
});

describe("a coordinator that comes back at another address behind the same name", () => {
  it("is found there by the workers that knew the former one", async () => {
    const addressFile = join(place.folder, "address");
    const preload = pathToFileURL(resolve("test/support/moving-name.mjs")).href;
    const env = { NODE_OPTIONS: `--import=${preload}`, TEST_ADDRESS_FILE: addressFile };
    await using proxied = await ProxiedCluster.start("moved", "faces", flags, { ...options, env });
    const { cluster, routes } = proxied;
    const { control, tensors } = portsOf(proxied);
    writeFileSync(addressFile, hostOf(routes.a.address));
    for (const id of ["a", "b"]) cluster.worker(id, `coordinator.test:${control}`);
    await cluster.until("steps of both", ({ step }) => step > 1);
    await cluster.killCoordinator();
    await routes.a.close();
    writeFileSync(addressFile, hostOf(routes.b.address));
    await cluster.startAgain(["--tensor-port", String(tensors)]);
    await proxied.expectSameEnd(reference);
    expect(await cluster.end("b")).toMatchObject({ code: 0 });
    expect(routes.b.control.passed.up).toBeGreaterThan(0);
  }, 300_000);
});

const hostOf = (address: string) => address.slice(0, address.lastIndexOf(":"));
const portsOf = ({ routes }: ProxiedCluster) => ({
  control: routes.b.control.port,
  tensors: routes.b.tensors.port,
});
