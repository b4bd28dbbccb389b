/** Lasting waits are logged once a minute: queued runs that wait for their turn. */
import { expect, it } from "vitest";
import { logWaitingRuns } from "../../coordinator/standing/waiting-runs.js";
import { lastingWaitLogMs } from "../../shared/lasting-waits.js";
import { ManualClock } from "../support/manual-clock.js";

it("queued runs are named once a minute while they wait for their turn", async () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  let entries = [{ run: "faces-1" }, { run: "faces-2" }, { run: "digits-1" }];
  const stop = logWaitingRuns({
    clock,
    logger: { info: (line: string) => void lines.push(line) } as never,
    entries: () => entries,
  });
  await clock.pass(lastingWaitLogMs - 1);
  expect(lines).toEqual([]);
  await clock.pass(lastingWaitLogMs + 1);
  expect(lines).toEqual(Array(2).fill("waiting for their turn behind the run faces-1: faces-2, digits-1"));
  entries = [{ run: "digits-1" }];
  await clock.pass(2 * lastingWaitLogMs);
  expect(lines).toHaveLength(2);
  entries = [{ run: "digits-1" }, { run: "faces-3" }];
  stop();
  await clock.pass(2 * lastingWaitLogMs);
  expect(lines).toHaveLength(2);
});
