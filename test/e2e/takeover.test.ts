/**
 * Two coordinators on one run, and a run that goes on with other settings: real processes that share nothing but a real
 * MinIO. A coordinator that loses the run writes nothing that is read, and the weights are those of an unbroken run.
 */
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GenerationRecord, listGenerations } from "../../shared/generations.js";
import { limits } from "../../shared/limits.js";
import { findPublication } from "../../shared/publication.js";
import { openStore } from "../../shared/store/open.js";
import { TestCluster } from "../support/cluster.js";
import { type Minio, startMinio } from "../support/minio.js";
import { photographs, runProgram, scratch } from "../support/program.js";
import { finishedRun, ReferenceRun } from "../support/reference-run.js";

const place = scratch();
let minio: Minio;
let reference: ReferenceRun;
const fixed = ["--lanes", "4", "--batch-size", "32", "--image-size", "32", "--seed", "5", "--patience", "50"];
const flags = [...fixed, "--epochs", "3"];
/** A reserved address: whatever a network answers for it, it is not that nobody listens on a machine. */
const unreachable = "240.0.0.1";
/** 196 training images in batches of 32: the last step of an epoch has 4. */
const stepsPerEpoch = 7;

const options = () => ({
  cwd: place.folder,
  env: { ...minio.environment },
  store: minio.url("trainyard/team-a"),
});
const trainyard = (...words: string[]) => runProgram([...words, "--store", options().store], options());
const store = () => openStore(options().store, { environment: minio.environment });

beforeAll(async () => {
  minio = await startMinio();
  expect((await trainyard("import", photographs("faces"), "--name", "faces")).code).toBe(0);
  reference = await ReferenceRun.make("faces", flags, options());
}, 300_000);
afterAll(async () => {
  await minio.stop();
  place.remove();
});

async function begin(run: string, words: readonly string[] = flags): Promise<TestCluster> {
  const cluster = await TestCluster.start("faces", ["--run", run, ...words], options());
  for (const id of ["a", "b"]) cluster.worker(id);
  return cluster;
}

async function keysOf(run: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of (await store()).list(`runs/${run}/`))
    keys.push(key.slice(`runs/${run}/`.length));
  return keys;
}

describe("a coordinator that hangs", () => {
  it("is taken over after 15 s of silence; awake again it ends, and nothing it writes is read", async () => {
    const first = await begin("frozen");
    try {
      await first.until("a step of the second epoch", ({ step }) => step > stepsPerEpoch);
      first.signalCoordinator("SIGSTOP");
      const startedMs = Date.now();
      const second = await TestCluster.goOn("frozen", [], options());
      try {
        expect(Date.now() - startedMs).toBeGreaterThan(limits.takeoverMs);
        expect(second.ready.notes.join("\n")).toMatch(
          new RegExp(
            `taken over from the coordinator at ${first.ready.address} .*\n.*going on from checkpoint 1-`,
            "s",
          ),
        );
        for (const id of ["c", "d"]) second.worker(id);
        await second.until("a step", ({ step }) => step > stepsPerEpoch);
        first.signalCoordinator("SIGCONT");
        const end = await first.coordinatorEnd;
        expect(end).toMatchObject({
          code: 1,
          stderr: expect.stringContaining(`taken over by the coordinator at ${second.ready.address}`),
        });
        expect((await second.coordinatorEnd).code).toBe(0);
        expect((await second.end("c")).code).toBe(0);
      } finally {
        await second.close();
      }
    } finally {
      await first.close();
    }
    reference.expectSame(await finishedRun("frozen", options()));
    expect(await findPublication(await store(), "frozen")).toMatchObject({ generation: 2, folder: "" });
    expect((await keysOf("frozen")).filter((key) => /^(ends|published)/.test(key))).toEqual([]);
  }, 300_000);

  it("is not taken over while it only can't be reached: it renews its claim", async () => {
    const cluster = await TestCluster.start(
      "faces",
      ["--run", "far", ...flags, "--advertise", unreachable],
      options(),
    );
    try {
      const second = await trainyard("coordinator", "--run", "far", "--port", "0");
      expect(second).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/240\.0\.0\.1:.*renews its claim/),
      });
      const generations = await listGenerations(await store(), "far");
      expect(generations).toHaveLength(1);
      expect(generations[0]).toMatchObject({ record: { renewals: expect.any(Number) } });
    } finally {
      await cluster.close();
    }
  }, 300_000);
});

describe("two coordinators that come for the run of a dead one", () => {
  it("at once: one takes it, the other is refused", async () => {
    const cluster = await begin("contested");
    try {
      await cluster.until("a step of the second epoch", ({ step }) => step > stepsPerEpoch);
      await cluster.killCoordinator();
      const both = await Promise.allSettled(
        ["1", "2"].map(() => TestCluster.goOn("contested", [], options())),
      );
      const [winner, ...more] = both.flatMap((outcome) =>
        outcome.status === "fulfilled" ? [outcome.value] : [],
      );
      try {
        expect(more).toEqual([]);
        winner?.worker("c");
        expect((await winner?.coordinatorEnd)?.code).toBe(0);
      } finally {
        await winner?.close();
      }
    } finally {
      await cluster.close();
    }
    reference.expectSame(await finishedRun("contested", options()));
    expect((await keysOf("contested")).filter((key) => key.startsWith("generations/"))).toHaveLength(3);
  }, 300_000);
});

describe("a run of two epochs whose coordinator died before it had exported", () => {
  it("goes on to three, as one that had three from its beginning", async () => {
    const cluster = await begin("longer", [...fixed, "--epochs", "2"]);
    try {
      await cluster.until("the last checkpoint", ({ phase }) => phase === "exporting", 90_000, 0);
      const manifest = `runs/longer/checkpoints/1-${2 * stepsPerEpoch}/manifest.json`;
      while ((await (await store()).stat(manifest)) === null) await setImmediate();
      await cluster.killCoordinator();
      const workers = ["a", "b"].map((id) => cluster.end(id));
      const fewer = await trainyard("train", "--resume", "longer", "--epochs", "1");
      expect(fewer).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("--epochs must be at least 2"),
      });
      // Refused, it has left no trace.
      expect((await keysOf("longer")).filter((key) => key.startsWith("generations/"))).toEqual([
        "generations/1.json",
      ]);
      await cluster.startAgain(["--epochs", "3", "--keep-checkpoints", "1"]);
      expect((await cluster.coordinatorEnd).code).toBe(0);
      // The workers keep their engines and images: other epochs change no step.
      for (const end of await Promise.all(workers)) expect(end).toMatchObject({ code: 0 });
    } finally {
      await cluster.close();
    }
    reference.expectSame(await finishedRun("longer", options()));
    expect((await trainyard("runs", "list")).stdout).toMatch(/^longer +finished +faces +3\/3/m);
    const owner = (await listGenerations(await store(), "longer")).find(({ generation }) => generation === 2);
    expect(GenerationRecord.parse(owner?.tag === "owner" ? owner.record : null)).toMatchObject({
      changes: { epochs: 3, keepCheckpoints: 1 },
    });
    const checkpoints = new Set(
      (await keysOf("longer")).flatMap((key) => /^checkpoints\/([^/]+)/.exec(key)?.[1] ?? []),
    );
    expect(checkpoints.size).toBeLessThanOrEqual(2); // the last, and the best
  }, 300_000);
});

describe("a store that is away at a run's end", () => {
  it("is waited for: the run finishes when it is back", async () => {
    const cluster = await begin("patient", flags);
    try {
      await cluster.until("the last epoch", ({ step }) => step >= 2 * stepsPerEpoch);
      minio.pause();
      // Longer than one call is tried.
      await sleep(limits.storeCallMs + 10_000);
      minio.resume();
      const end = await cluster.coordinatorEnd;
      expect({ ...end, stderr: end.stderr.slice(-2_000) }).toMatchObject({ code: 0 });
    } finally {
      minio.resume();
      await cluster.close();
    }
    reference.expectSame(await finishedRun("patient", options()));
  }, 300_000);
});
