import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { json, type MetricsServer, startMetricsServer } from "../../shared/http.js";
import { coordinatorMetrics } from "../../shared/metrics.js";
import type { RunStatus } from "../../shared/status.js";
import { spec } from "../support/dashboard/finished-run.js";

/** Real child processes on the compiled program (npm run build). */
const program = fileURLToPath(new URL("../../bin/trainyard.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "trainyard-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) =>
    child.on("close", (code) => resolve({ code, stdout, stderr })),
  );
  return { child, ended };
}
const trainyard = (...args: string[]) => start(args).ended;

describe("what the program does not know is refused in one line, with the nearest name and exit code 2", () => {
  it.each([
    [["train", "x", "--learing-rate", "0.1"], "unknown option --learing-rate; did you mean --learning-rate?"],
    [["trian", "x"], 'unknown command "trian"; did you mean train?'],
    [["runs", "lst"], 'unknown command runs "lst"; did you mean list?'],
    [["runs"], "runs needs one of: list, show, follow, stop, logs, delete, cancel"],
    [["train", "x", "-f", "folder"], "unknown option -f"],
    [["runs", "list", "0123"], 'unknown argument runs list "0123"'],
    [["train", "x", "--epochs", "ten"], '--epochs must be a whole number, at least 1, not "ten"'],
    [["train", "x", "--seed", "1", "--seed", "2"], "--seed is given more than once"],
    [["train", "x", "--run"], "--run needs a value"],
    [["runs", "list", "--log-level", "eror"], "--log-level must be one of debug, info, warn, error, silent"],
    [[], "no command given; trainyard --help lists them"],
  ])("%j", async (args, sentence) => {
    const { code, stdout, stderr } = await trainyard(...args);
    expect(stderr).toContain(`trainyard: ${sentence}`);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  it("--debug adds the stack", async () => {
    expect((await trainyard("trian", "--debug")).stderr).toMatch(/\n {4}at /);
    expect((await start(["trian"], { TRAINYARD_DEBUG: "1" }).ended).stderr).toMatch(/\n {4}at /);
  });
});

describe("help", () => {
  it("lists every command, and every command has its own with examples", async () => {
    const { stdout, code } = await trainyard("--help");
    expect(code).toBe(0);
    const names = [...stdout.matchAll(/^ {2}trainyard ([\w-]+)/gm)].map((match) => match[1] as string);
    expect(names).toEqual(expect.arrayContaining(["import", "train", "runs", "coordinator", "worker"]));
    for (const name of names) expect((await trainyard(name, "--help")).stdout).toContain(`trainyard ${name}`);
  });

  it("says where a list ends", async () => {
    expect((await trainyard("train", "--help")).stdout.replace(/\s+/g, " ")).toContain(
      "a list: ends at the next option or at --",
    );
  });

  it("goes into a closed pipe without a word", async () => {
    const { child, ended } = start(["train", "--help"]);
    child.stdout.destroy();
    expect((await ended).stderr).toBe("");
  });
});

describe("names that look like numbers", () => {
  const photos = join(folder, "photos");
  beforeAll(async () => {
    for (const [index, name] of ["007", "010", "1e3"].entries()) {
      mkdirSync(join(photos, name), { recursive: true });
      for (let image = 0; image < 3; image += 1) {
        const background = { r: index * 80, g: image * 60, b: 90 };
        await sharp({ create: { width: 12, height: 12, channels: 3, background } })
          .png()
          .toFile(join(photos, name, `${image}.png`));
      }
    }
  });

  it("stay strings from the command line to the store and back", async () => {
    const order = ["1e3", "007", "010"];
    const imported = await trainyard("import", "--name", "0123", "--classes", ...order, "--", "photos");
    expect(imported).toMatchObject({ code: 0 });
    const shown = await trainyard("datasets", "show", "0123", "--json");
    expect(JSON.parse(shown.stdout)).toMatchObject({ name: "0123", classes: order });
    const { code, stderr } = await trainyard("train", "0123", "--classes", "007", "010", "--run", "0042");
    expect(stderr).toContain(
      '--classes must name all classes of 0123, and lacks "1e3"; to leave one out, import again with --classes 007,010',
    );
    expect(code).toBe(2);
  });

  it("are looked for as they are written", async () => {
    const { code, stderr } = await trainyard("runs", "show", "0123");
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'trainyard: no run "0123" in file:.trainyard; there is none yet: trainyard train\n',
    });
  });

  it("come from the environment as they are", async () => {
    const { stderr } = await start(["train", "0123"], { TRAINYARD_CLASSES: "1e3,7", TRAINYARD_RUN: "0042" })
      .ended;
    expect(stderr).toContain('--classes: 0123 has no class "7"');
  });
});

describe("a live run", () => {
  const store = join(folder, "live");
  let server: MetricsServer;
  const stopHeaders: boolean[] = [];
  const status: RunStatus = {
    run: "0042",
    phase: "training",
    epoch: 1,
    epochs: 3,
    stepInEpoch: 4,
    stepsPerEpoch: 10,
    step: 14,
    steps: 30,
    loss: 0.5,
    accuracy: 0.75,
    imagesPerSecond: 800,
    etaSeconds: 9,
    workers: [],
  };

  beforeAll(async () => {
    server = await startMetricsServer({
      registry: coordinatorMetrics().registry,
      port: 0,
      extraRoutes: [
        { method: "GET", path: "/status", reply: () => json(status) },
        {
          method: "POST",
          path: "/stop",
          reply: () => {
            stopHeaders.push(true);
            return json({ stopping: true });
          },
        },
      ],
    });
    mkdirSync(join(store, "runs/0042/generations"), { recursive: true });
    writeFileSync(join(store, "runs/0042/spec.json"), JSON.stringify({ ...spec, run: "0042" }));
    const record = {
      generation: 1,
      address: "127.0.0.1:1",
      http: server.address,
      startedAt: "2026-03-04T05:06:07Z",
    };
    writeFileSync(join(store, "runs/0042/generations/1.json"), JSON.stringify(record));
  });
  const runs = (...args: string[]) => trainyard("runs", ...args, "--store", `file:${store}`);

  it("is listed and shown as it is now", async () => {
    expect((await runs("list")).stdout).toMatch(/^0042 +training +faces +1\/3/m);
    expect((await runs("show", "0042")).stdout).toContain(
      "epoch 2/3 · step 4/10 · loss 0.5000 · accuracy 75.00 %",
    );
    expect(JSON.parse((await runs("show", "0042", "--json")).stdout)).toMatchObject({
      state: "training",
      status,
    });
  });

  it("is listed also beside a run that can't be read, which is named", async () => {
    mkdirSync(join(store, "runs/odd"), { recursive: true });
    writeFileSync(join(store, "runs/odd/spec.json"), "{}");
    const { code, stdout, stderr } = await runs("list");
    rmSync(join(store, "runs/odd"), { recursive: true });
    expect(stdout).toMatch(/^0042 +training/m);
    expect(stderr).toContain("odd can't be shown: runs/odd/spec.json is not what this version");
    expect(code).toBe(1);
  });

  it("is followed until Ctrl-C, which leaves it running and exits with 3", async () => {
    const { child, ended } = start(["runs", "follow", "0042", "--store", `file:${store}`]);
    await new Promise((resolve) => child.stderr.once("data", resolve));
    child.kill("SIGINT");
    const { code, stderr } = await ended;
    expect(stderr).toContain("epoch 2/3 · step 4/10");
    expect(stderr).toContain("trainyard: interrupted by SIGINT");
    expect(code).toBe(3);
    expect(stopHeaders).toEqual([]);
  });

  it("is not deleted, stops when asked, and is deleted once nobody holds it", async () => {
    const refused = await runs("delete", "0042");
    expect(refused.stderr).toContain("0042 is training; stop it first: trainyard runs stop 0042");
    expect(refused.code).toBe(2);
    expect(await runs("stop", "0042")).toMatchObject({
      code: 0,
      stdout: "0042 stops after the step in progress, which is kept; go on: trainyard train --resume 0042\n",
    });
    expect(stopHeaders).toEqual([true]);
    await server.close();
    expect((await runs("list")).stdout).toMatch(/^0042 +interrupted/m);
    const stopped = await runs("stop", "0042");
    expect(stopped.stderr).toContain(`the coordinator of 0042 at ${server.address} does not answer`);
    expect(await runs("delete", "0042")).toMatchObject({ code: 0, stdout: "0042 is deleted: 2 objects\n" });
    expect((await runs("list")).stdout).toContain("no runs yet");
  });
});
