/**
 * `trainyard drill` as a user runs it: real processes are killed, a real MinIO too, and every commit is compared.
 * What makes it fail is judged in test/unit/drill-verdict.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import type { DrillReport } from "../../drill/runs.js";
import { columns } from "../../drill/table.js";
import { faultNames } from "../../drill/verdict.js";
import { minioBinary } from "../support/parts.js";
import { endOf, photographs, runProgram, scratch, startProgram } from "../support/program.js";

const { folder, remove } = scratch();
afterAll(remove);
/** A user's folder, in which the drill's scratch folders lie too, so that what stays is seen. */
function place(name: string) {
  const own = join(folder, name);
  mkdirSync(own);
  const left = () => readdirSync(own).filter((entry) => entry.startsWith("trainyard-drill-"));
  return { own, options: { cwd: own, env: { TMPDIR: own } }, left };
}

describe("the drill", () => {
  it("keeps every promise through a MinIO that is killed, and says so as JSON", async () => {
    const { options, left } = place("json");
    const words = ["drill", "--minio", minioBinary(), "--epochs", "8", "--json"];
    const { code, stdout, stderr } = await runProgram(words, options);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const report = JSON.parse(stdout) as DrillReport;
    expect(report).toMatchObject({ format: "trainyard-drill/1", store: "minio", epochs: 8, kept: true });
    expect(report.unbroken).toMatchObject({
      commits: 8 * 4,
      weightsSha256: expect.stringMatching(/^.{64}$/),
    });
    expect(report.faults.map(({ fault, how }) => [fault, how])).toEqual([
      ["worker", "SIGKILL"],
      ["frozen worker", "SIGSTOP"],
      ["drained worker", "SIGTERM"],
      ["paused coordinator", "SIGSTOP"],
      ["coordinator", "SIGKILL"],
      ["store", "SIGKILL"],
    ]);
    expect(report.faults.map(({ workersCutOff }) => workersCutOff)).toEqual([
      null,
      null,
      null,
      0,
      null,
      null,
    ]);
    expect(report.leftOut).toEqual([
      { fault: "full disk", reason: "a disk is filled under a folder only, so leave --minio out" },
    ]);
    expect(report.damage).toMatchObject({ damaged: [0, 1], excluded: [0, 1], samplesLost: 0, kept: true });
    for (const fault of report.faults) {
      expect(fault).toMatchObject({ samplesLost: 0, samplesTwice: 0, weightsEqual: true });
      expect(fault.secondsToNextCommit).toBeGreaterThan(0);
    }
    for (const run of report.runs) {
      expect(run).toMatchObject({ commits: 8 * 4, differingSteps: [], finalWeightsEqual: true });
    }
    expect(stderr).toContain("the coordinator died (SIGKILL); starting it again");
    expect(left()).toEqual([]);
  }, 600_000);

  it("takes a folder away as well, trains on a copy of the user's data set, and prints a table", async () => {
    const { own, options, left } = place("table");
    expect(await runProgram(["import", photographs("faces")], options)).toMatchObject({ code: 0 });
    const before = readdirSync(join(own, ".trainyard"), { recursive: true });
    const { code, stdout, stderr } = await runProgram(["drill", "faces", "--epochs", "8"], options);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]?.split(/ {2,}/)).toEqual([...columns]);
    const hasDisk = !stdout.includes("left out: full disk");
    const tried = faultNames.length - (hasDisk ? 0 : 1);
    const rows = lines.slice(1, 1 + tried).map((line) => line.split(/ {2,}/));
    expect(rows.map(([killed]) => killed)).toEqual([
      "worker (SIGKILL)",
      "frozen worker (SIGSTOP)",
      "drained worker (SIGTERM)",
      "paused coordinator (SIGSTOP)",
      "coordinator (SIGKILL)",
      "store (renamed)",
      ...(hasDisk ? ["full disk (filled)"] : []),
    ]);
    for (const cells of rows) {
      expect(cells[1]).toMatch(/^\d+\.\d\d s( !)?$/);
      expect(cells.slice(4)).toEqual(["0", "0", "yes"]);
    }
    expect(lines.at(-3)).toBe(
      "damage: with every sum audited the run left out the 2 damaged images of a shard, named them, and finished",
    );
    expect(lines.at(-2)).toMatch(new RegExp(`^kept: after ${tried} faults`));
    expect(lines.at(-1)).toMatch(/^times: /);
    expect(readdirSync(join(own, ".trainyard"), { recursive: true })).toEqual(before);
    expect(left()).toEqual([]);
  }, 600_000);

  it("leaves nothing behind at Ctrl-C, no process and no file", async () => {
    const { own, options, left } = place("interrupted");
    const drill = startProgram(["drill", "--minio", minioBinary()], options);
    const end = endOf(drill);
    const isStarted = () => left().some((name) => existsSync(join(own, name, "logs/unbroken/worker-2.log")));
    while (!isStarted()) await sleep(50);
    const children = childrenOf(drill.pid as number);
    expect(children).toHaveLength(4); // MinIO, the coordinator, two workers
    drill.kill("SIGINT");
    expect(await end).toMatchObject({ code: 3, stderr: expect.stringContaining("interrupted by SIGINT") });
    expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(left()).toEqual([]);
  }, 300_000);

  it.each([
    [["--minio", "no-such-program"], "--minio names the server's program, and there is no file"],
    [["--minio", "/bin/true"], "the MinIO server does not answer: it ended with exit code 0"],
    [["--workers", "1"], "--workers must be at least 2"],
    [["no-such-set"], "there is no store at file:.trainyard; check --store, or import a data set first"],
  ])("%j is refused with a sentence", async (words, sentence) => {
    const { code, stderr } = await runProgram(["drill", ...words], { cwd: folder });
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/\n {4}at /);
  });
});

/** Numbers of the processes that it started. */
function childrenOf(pid: number): number[] {
  const stat = (entry: string) => {
    try {
      return readFileSync(`/proc/${entry}/stat`, "utf8");
    } catch {
      return "";
    }
  };
  const parent = (text: string) => Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return all.filter((entry) => parent(stat(entry)) === pid).map(Number);
}
