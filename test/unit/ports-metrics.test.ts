/** What /metrics shows while runs come and go at the same ports. */
import { afterEach, describe, expect, it } from "vitest";
import { Ports } from "../../coordinator/ports.js";
import { limits } from "../../shared/limits.js";
import { createLogger } from "../../shared/log.js";
import { coordinatorMetrics } from "../../shared/metrics.js";
import { ManualClock } from "../support/manual-clock.js";

const clock = new ManualClock();
let ports: Ports | undefined;
afterEach(() => ports?.close());

async function open(): Promise<Ports> {
  const logger = createLogger({ role: "coordinator", level: "silent" });
  ports = await Ports.open({ host: "127.0.0.1", port: 0, httpPort: 0, logger, clock });
  return ports;
}

function admit(at: Ports, run: string) {
  const metrics = coordinatorMetrics();
  metrics.describe(run, "faces", "classic");
  return at.admit({ run, generation: 1, metrics });
}

/** The runs whose series are there. */
async function shown({ addresses }: Ports): Promise<string[]> {
  const text = await (await fetch(`http://${addresses.http}/metrics`)).text();
  expect(text).toContain("trainyard_build_info");
  return [...text.matchAll(/^trainyard_run_info\{.*run="([^"]*)"/gm)].map((match) => String(match[1]));
}

describe("a run's metrics", () => {
  it("stay two minutes after its end, and no longer", async () => {
    const at = await open();
    expect(await shown(at)).toEqual([]);
    const first = admit(at, "faces-1");
    expect(await shown(at)).toEqual(["faces-1"]);
    at.leave(first);
    await clock.pass(limits.endedRunShownMs - 1);
    expect(await shown(at)).toEqual(["faces-1"]);
    await clock.pass(1);
    expect(await shown(at)).toEqual([]);
  });

  it("stay that long too when the next run begins at once, beside the next run's", async () => {
    const at = await open();
    at.leave(admit(at, "faces-1"));
    const second = admit(at, "faces-2");
    expect(await shown(at)).toEqual(["faces-1", "faces-2"]);
    await clock.pass(limits.endedRunShownMs - 1);
    at.leave(second);
    expect(await shown(at)).toEqual(["faces-1", "faces-2"]);
    await clock.pass(1);
    expect(await shown(at)).toEqual(["faces-2"]);
  });

  it("are shown once when the same run goes on: the former coordinator life's give way", async () => {
    const at = await open();
    at.leave(admit(at, "faces-1"));
    admit(at, "faces-1");
    expect(await shown(at)).toEqual(["faces-1"]);
  });

  it("of many short runs are those of the newest", async () => {
    const at = await open();
    const runs = Array.from({ length: limits.endedRunsShown + 3 }, (_, number) => `short-${number}`);
    for (const run of runs) at.leave(admit(at, run));
    expect(await shown(at)).toEqual(runs.slice(3));
  });

  it("of several runs name each metric once, and each series once", async () => {
    const at = await open();
    at.leave(admit(at, "faces-1"));
    admit(at, "faces-2");
    const text = await (await fetch(`http://${at.addresses.http}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line !== "");
    const headers = lines.filter((line) => line.startsWith("# TYPE "));
    expect(new Set(headers).size).toBe(headers.length);
    const series = lines.filter((line) => !line.startsWith("#")).map((line) => line.replace(/ [^ ]+$/, ""));
    expect(new Set(series).size).toBe(series.length);
    // The series of a metric stand below its header.
    const owner = (at: number) => lines.slice(0, at).findLast((line) => line.startsWith("# TYPE "));
    for (const [at, line] of lines.entries())
      if (line.startsWith("trainyard_lanes{")) expect(owner(at)).toBe("# TYPE trainyard_lanes gauge");
    expect(lines.filter((line) => line.startsWith("trainyard_lanes{"))).toHaveLength(2);
  });
});
