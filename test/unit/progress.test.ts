import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { epochLine, followRun, Progress, progressLine } from "../../cli/progress.js";
import { TrainyardError } from "../../shared/errors.js";
import { json, startMetricsServer } from "../../shared/http.js";
import { duration } from "../../shared/readable-numbers.js";
import type { RunStatus } from "../../shared/status.js";
import { MemoryStore } from "../support/memory-store.js";

const status: RunStatus = {
  run: "faces-1",
  phase: "training",
  epoch: 2,
  epochs: 25,
  stepInEpoch: 12,
  stepsPerEpoch: 25,
  step: 62,
  steps: 625,
  loss: 0.51234,
  accuracy: 0.742,
  imagesPerSecond: 812.4,
  etaSeconds: 130,
  workers: [],
};
const lastEpoch = {
  epoch: 1,
  loss: 0.6,
  accuracy: 0.7,
  validationLoss: 0.65,
  validationAccuracy: 0.6875,
  seconds: 3,
  imagesPerSecond: 800,
};

/** What a terminal of this width, or a pipe, was given. */
function outputOf(columns?: number) {
  const written: string[] = [];
  const write = (text: string) => written.push(text);
  return { written, output: columns === undefined ? { write } : { write, isTTY: true, columns } };
}

describe("the progress line", () => {
  it("has epoch, step, loss, accuracy, speed and time to go", () => {
    expect(progressLine(status)).toBe(
      "epoch 3/25 · step 12/25 · loss 0.5123 · accuracy 74.20 % · 812 images/s · ETA 2m 10s",
    );
  });

  it("names what it waits for before the first step", () => {
    const waiting = { ...status, phase: "waiting" as const, step: 0, loss: null, imagesPerSecond: null };
    expect(progressLine({ ...waiting, etaSeconds: null, message: "waiting for a worker" })).toBe(
      "waiting · waiting for a worker",
    );
  });

  it("has a dash for a loss that does not exist, never a zero", () => {
    const none = { loss: null, accuracy: null, imagesPerSecond: null };
    expect(progressLine({ ...status, ...none, etaSeconds: null })).toBe(
      "epoch 3/25 · step 12/25 · loss – · accuracy –",
    );
    const spoilt = { ...lastEpoch, ...none, validationLoss: null, validationAccuracy: null };
    const evaluated = { ...status, lastEpoch: spoilt, validation: { epoch: 1, loss: null, accuracy: null } };
    expect(epochLine(evaluated)).toBe(
      "epoch 2/25 · loss – · accuracy – · validation loss – · accuracy – · – images/s",
    );
    expect(epochLine({ ...status, lastEpoch: spoilt })).not.toContain("validation");
  });

  it("has no time to go at the end", () => {
    expect(progressLine({ ...status, phase: "finished" })).not.toContain("ETA");
  });
});

describe("on a terminal", () => {
  it("it rewrites one line, never wider than the terminal", () => {
    const { written, output } = outputOf(40);
    const progress = new Progress(output);
    progress.show(status, 0);
    progress.show({ ...status, stepInEpoch: 13 }, 250);
    progress.end();
    expect(written.join("")).not.toMatch(/\n./);
    for (const text of written.slice(0, 2)) {
      expect(text.startsWith("\r\u001b[2K")).toBe(true);
      expect([...text.replace("\r\u001b[2K", "")].length).toBeLessThan(40);
    }
    expect(written.at(-1)).toBe("\n");
  });
});

describe("following", () => {
  const answering = (phase: RunStatus["phase"], port: number) => {
    const reply = () => json({ ...status, phase });
    const extraRoutes = [{ method: "GET", path: "/status", reply } as const];
    return startMetricsServer({ registry: new Registry(), port, extraRoutes });
  };

  it("rides over a coordinator that is away and comes back where it was, and a store that is away as well", async () => {
    const store = new MemoryStore();
    let asked = 0;
    store.get = () => {
      asked += 1;
      return Promise.reject(new TrainyardError("STORE_UNREACHABLE", "nothing listens there"));
    };
    const first = await answering("training", 0);
    const { written, output } = outputOf();
    const progress = new Progress(output);
    const seen: string[] = [];
    const onStatus = ({ phase }: RunStatus) => seen.push(phase);
    const common = { run: status.run, store, progress, pollMs: 5, onStatus };
    const followed = followRun({ ...common, http: first.address });
    while (seen.length === 0) await new Promise((done) => setTimeout(done, 5));
    await first.close();
    progress.note("the coordinator died (SIGKILL); starting it again");
    while (asked < 2) await new Promise((done) => setTimeout(done, 5)); // while nobody answers
    const second = await answering("finished", Number(first.address.split(":")[1]));
    expect(await followed).toMatchObject({ phase: "finished" });
    await second.close();
    expect(written[1]).toBe("the coordinator died (SIGKILL); starting it again\n");
    expect(written.at(-1)).toMatch(/^finished /);
  });

  it("gives up with the store's error once the coordinator was away for too long", async () => {
    const store = new MemoryStore();
    store.get = () => Promise.reject(new TrainyardError("STORE_UNREACHABLE", "no store"));
    const nobody = await answering("training", 0);
    await nobody.close();
    const options = { run: "faces-1", http: nobody.address, store, quiet: true, pollMs: 5, awayMs: 50 };
    await expect(followRun(options)).rejects.toThrow("no store");
  });
});

describe("elsewhere", () => {
  it("a line an epoch, once, and one every ten seconds in between", () => {
    const { written, output } = outputOf();
    const progress = new Progress(output);
    progress.show({ ...status, lastEpoch }, 0);
    for (let ms = 1000; ms <= 19_000; ms += 1000)
      progress.show({ ...status, step: 62 + ms, stepInEpoch: ms, lastEpoch }, ms);
    expect(written[0]).toBe(
      "epoch 2/25 · loss 0.6000 · accuracy 70.00 % · validation loss 0.6500 · accuracy 68.75 % · 800 images/s\n",
    );
    expect(written.slice(1)).toEqual([expect.stringContaining("step 10000/25")]);
  });

  it("the end is told at once", () => {
    const { written, output } = outputOf();
    const progress = new Progress(output);
    progress.show(status, 0);
    progress.show({ ...status, phase: "failed", message: "no worker came" }, 10);
    expect(written.at(-1)).toContain("failed · epoch 3/25");
    expect(written.at(-1)).toContain("no worker came");
  });
});

it.each([
  [0.4, "0 s"],
  [59.4, "59 s"],
  [59.6, "1m 00s"],
  [3599, "59m 59s"],
  [11_220, "3h 07m"],
])("%f seconds are %s", (seconds, words) => expect(duration(seconds)).toBe(words));
