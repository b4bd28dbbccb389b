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
  it("stay after its end until they were scraped again, and no longer", async () => {
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

  it("give way to the next run's at once", async () => {
    const at = await open();
    at.leave(admit(at, "faces-1"));
    const second = admit(at, "faces-2");
    expect(await shown(at)).toEqual(["faces-2"]);
    at.leave(second);
    expect(await shown(at)).toEqual(["faces-2"]);
  });
});
