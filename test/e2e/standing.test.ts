/**
 * A standing coordinator with a pool of workers, real processes: runs are handed in, queued, followed, cancelled; the
 * coordinator is killed, and told to end, in the middle of them. Whatever happens, a run's bits are those of `trainyard
 * train` with the same flags.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runProgram, scratch } from "../support/program.js";
import { finishedRun, ReferenceRun } from "../support/reference-run.js";
import { StandingCluster } from "../support/standing-cluster.js";

const place = scratch();
const options = { cwd: place.folder, store: `file:${join(place.folder, ".trainyard")}` };
const flags = ["--lanes", "4", "--batch-size", "32", "--image-size", "32", "--seed", "5", "--epochs", "3"];
/** 196 training images in batches of 32. */
const stepsPerEpoch = 7;
const endless = [...flags, "--epochs", "500"].filter((_, index, all) => index < 8 || index >= all.length - 2);
const stored = (key: string) => join(place.folder, ".trainyard", key);

let reference: ReferenceRun;
let cluster: StandingCluster;

beforeAll(async () => {
  reference = await ReferenceRun.ofFaces(flags, options);
  cluster = await StandingCluster.start(options);
  for (const id of ["a", "b"]) cluster.worker(id);
}, 300_000);
afterAll(async () => {
  await cluster.close();
  place.remove();
});

const submit = (run: string, words: readonly string[] = flags) =>
  cluster.ask("submit", "faces", "--run", run, ...words);

describe("three runs that are handed in", () => {
  it("are queued, and finish one after the other with the bits of train", async () => {
    expect(await submit("first")).toMatchObject({ code: 0, stdout: "run first is queued: it is next\n" });
    expect(await submit("second")).toMatchObject({ code: 0 });
    expect(await submit("third")).toMatchObject({ code: 0 });
    expect(await cluster.queue()).toEqual(["first", "second", "third"]);
    expect((await cluster.ask("runs", "list")).stdout).toMatch(/^third +queued +faces/m);
    const queued = await cluster.ask("runs", "show", "third");
    expect(queued.stdout).toMatch(/^state +queued: 2 runs before it$/m);

    const followed = await cluster.ask("runs", "follow", "third");
    expect(followed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^third: finished/) });
    for (const run of ["first", "second", "third"]) reference.expectSame(await finishedRun(run, options));
    const ends = await Promise.all(["first", "second", "third"].map((run) => finishedRun(run, options)));
    expect(ends.map(({ result }) => result.generation)).toEqual([1, 1, 1]);
    expect(await cluster.queue()).toEqual([]);
  }, 300_000);

  it("handed in once more are answered as there already; with other settings, or of no data set, refused", async () => {
    expect(await submit("first")).toMatchObject({
      code: 0,
      stdout: "run first finished before\n",
      stderr: expect.stringContaining("the run first is there already, with these settings"),
    });
    const other = await submit("first", [...flags.slice(0, -1), "4"]);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining("with other settings") });
    const unknown = await cluster.ask("submit", "face", "--run", "never");
    expect(unknown).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("has no data set face; did you mean faces?"),
    });
    expect(await cluster.ask("runs", "show", "frist")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no run "frist".*first/),
    });
    expect(await cluster.queue()).toEqual([]);
  }, 300_000);
});

describe("runs that are cancelled", () => {
  it("leave the queue, or stop after their step; the next one begins", async () => {
    expect(await submit("running", endless)).toMatchObject({ code: 0 });
    expect(await submit("waiting")).toMatchObject({ code: 0 });
    expect(await submit("next")).toMatchObject({ code: 0 });
    const following = cluster.ask("runs", "follow", "running", "--json");
    await cluster.until("running", "trains", (status) => (status?.step ?? 0) > stepsPerEpoch);
    expect(await cluster.ask("runs", "cancel", "waiting")).toMatchObject({
      code: 0,
      stdout: "waiting is cancelled: it waited in the queue\n",
    });
    expect(await cluster.ask("runs", "stop", "running", "--json")).toMatchObject({
      code: 0,
      stdout: '{"run":"running","stopping":true}\n',
    });
    const end = await following;
    expect(end.code).toBe(3);
    expect(JSON.parse(end.stdout)).toMatchObject({ phase: "stopped", message: "asked to stop" });
    expect(await cluster.ask("runs", "follow", "next")).toMatchObject({ code: 0 });
    reference.expectSame(await finishedRun("next", options));
    expect(existsSync(stored("runs/waiting/generations"))).toBe(false);
    const logs = await cluster.ask("runs", "logs", "running");
    expect(logs.stdout).toMatch(/info worker a is ready/);
  }, 300_000);

  it("can be gone on with, from their last commit", async () => {
    expect(await cluster.ask("submit", "--resume", "running")).toMatchObject({ code: 0 });
    await cluster.until(
      "running",
      "goes on",
      (status) => (status?.generation ?? 0) === 2 && status?.phase === "training",
    );
    expect(await cluster.ask("runs", "stop", "running")).toMatchObject({ code: 0 });
    await cluster.until("running", "is over", (status) => status === null || status.phase === "stopped");
  }, 300_000);
});

describe("a standing coordinator in the middle of a run", () => {
  it("killed and started again, goes on with it and then with the queue, to the same bits", async () => {
    expect(await submit("killed")).toMatchObject({ code: 0 });
    expect(await submit("behind")).toMatchObject({ code: 0 });
    await cluster.until("killed", "in its second epoch", (status) => (status?.step ?? 0) > stepsPerEpoch);
    await cluster.signalCoordinator("SIGKILL");
    await cluster.startAgain();
    expect(await cluster.queue()).toEqual(["killed", "behind"]);
    expect(await cluster.ask("runs", "follow", "behind")).toMatchObject({ code: 0 });
    for (const run of ["killed", "behind"]) reference.expectSame(await finishedRun(run, options));
  }, 300_000);

  it("told to end, saves the last commit, exits with 3, and goes on when it stands again; nobody was told of an end", async () => {
    expect(await submit("told")).toMatchObject({ code: 0 });
    const following = cluster.ask("runs", "follow", "told");
    await cluster.until("told", "in its second epoch", (status) => (status?.step ?? 0) > stepsPerEpoch);
    const end = await cluster.signalCoordinator("SIGTERM");
    expect(end).toMatchObject({ code: 3, stderr: expect.stringContaining("interrupted by SIGTERM") });
    const record = JSON.parse(readFileSync(stored("runs/told/ends/1.json"), "utf8"));
    expect(record).toMatchObject({ outcome: "interrupted", status: { phase: "waiting" } });
    expect((await runProgram(["runs", "list"], options)).stdout).toMatch(/^told +interrupted/m);

    await cluster.startAgain();
    expect(await following).toMatchObject({ code: 0, stdout: expect.stringMatching(/^told: finished/) });
    const { curve, result } = await finishedRun("told", options);
    reference.expectSame({ curve, result });
    // The last commit was saved: nothing had to be computed again.
    expect(result).toMatchObject({ generation: 2, samples: { redone: 0 } });
    for (const id of ["a", "b"]) expect(cluster.workerOf(id).child.exitCode).toBeNull();
  }, 300_000);

  it("is alone with its queue: a second one waits, and takes it when the first has ended", async () => {
    const second = StandingCluster.start(options);
    const ended = await Promise.race([second, cluster.ask("runs", "list")]);
    expect(ended).toMatchObject({ code: 0 });
    await cluster.signalCoordinator("SIGTERM");
    const taken = await second;
    expect(await taken.queue()).toEqual([]);
    await taken.close();
    await cluster.startAgain();
  }, 300_000);
});

describe("workers", () => {
  it("for a run that waits have to wait; for one that is over or unknown they leave", async () => {
    const one = (run: string) => cluster.worker(`for-${run}`, ["--run", run]).end;
    expect(await one("first")).toMatchObject({ code: 0 });
    expect(await one("nobody")).toMatchObject({ code: 2, stderr: expect.stringContaining("no run nobody") });
    expect(await one("running")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is over, stopped"),
    });
  }, 300_000);

  it("of a pool leave with 3 when a run needs another TensorFlow, and when they are told to", async () => {
    expect(await submit("wider", [...flags, "--threads", "2"])).toMatchObject({ code: 0 });
    const ends = await Promise.all(["a", "b"].map((id) => cluster.workerOf(id).end));
    for (const end of ends) {
      expect(end).toMatchObject({ code: 3, stderr: expect.stringContaining("--threads 2") });
    }
    const fresh = cluster.worker("fresh");
    expect(await cluster.ask("runs", "follow", "wider")).toMatchObject({ code: 0 });
    fresh.child.kill("SIGTERM");
    expect(await fresh.end).toMatchObject({ code: 3 });
  }, 300_000);
});
