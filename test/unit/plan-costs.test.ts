/** What goes into the model and what comes back: links as written, costs from rounds, a run that has ended. */
import { describe, expect, it } from "vitest";
import { lookBack } from "../../plan/ended-run.js";
import { lookingBackRows } from "../../plan/ended-run-text.js";
import { costsOf } from "../../plan/exchange-costs.js";
import type { HalfRound, Round } from "../../plan/exchange-rounds.js";
import { parseLink } from "../../plan/link.js";
import { RunResult } from "../../shared/result.js";
import { result, spec } from "../support/dashboard/finished-run.js";

describe("a link", () => {
  it.each([
    ["1Gbit", 1e9 / 8],
    ["1gbit/s", 1e9 / 8],
    ["2.5Gbit", 2.5e9 / 8],
    ["100 Mbit", 1e8 / 8],
  ])("of %s carries its bits less the headers", (text, bytes) => {
    const { bytesPerSecond } = parseLink(text);
    expect(bytesPerSecond).toBeLessThan(bytes);
    expect(bytesPerSecond).toBeGreaterThan(0.93 * bytes);
  });

  it("in megabytes per second is as written", () => {
    expect(parseLink("110")).toEqual({ bytesPerSecond: 110e6, name: "110 MB/s" });
    expect(parseLink("0.5MB/s").bytesPerSecond).toBe(0.5e6);
  });

  it.each(["", "fast", "0", "-1", "1Tbit", "1 Gbit or so", "NaN", "1e9"])("%j is refused", (text) => {
    expect(() => parseLink(text)).toThrow(/--link must be as 1Gbit, 100Mbit/);
  });
});

describe("costs", () => {
  const half = (wall: number, reducersBusy: number, workerBusy: number): HalfRound => ({
    wall,
    reducersBusy,
    workerBusy,
  });
  const fixed = (median: number) => ({ min: median, median, max: median, count: 1 });
  /** Per parameter: add 1 ns, report 2, Adam and checksum 5. */
  const arithmetic = {
    workerAdd: fixed(3e-9),
    add: fixed(1e-9),
    report: fixed(2e-9),
    apply: fixed(5e-9),
  };
  /** 1e6 parameters, 4 MB: receive 8 ms, send 6, encode 1, hop 0.2; the worker 4 each way. */
  const round = (workers: number, noise: number): Round => ({
    up: half((0.6 + 10 + 2) / 1e3 + noise, (8 * workers + (workers - 1) + 2) / 1e3 + noise, 4 / 1e3),
    down: half((0.6 + 6 + 8) / 1e3 + noise, (5 + 1 + 6 * workers) / 1e3 + noise, 4 / 1e3),
  });
  const rounds = (workers: number) => [0, 0, 0, 0.004, 0.05].map((noise) => round(workers, noise));
  const tiny = [{ up: half(0.6e-3, 0, 0), down: half(0.6e-3, 0, 0) }];
  const measured = { tiny, one: rounds(1), two: rounds(2), bytes: 4e6, parameters: 1e6 };

  it.each(["median", "min"] as const)(
    "are taken apart from rounds with one worker and with two, by %s",
    (of) => {
      const costs = costsOf(measured, arithmetic, of);
      expect(costs.hopSeconds).toBeCloseTo(0.2e-3, 8);
      expect(costs.reducerReceiveSeconds * 4e6).toBeCloseTo(8e-3, 8);
      expect(costs.reportSeconds * 1e6).toBeCloseTo(2e-3, 8);
      expect(costs.applySeconds * 1e6).toBeCloseTo(6e-3, 8);
      expect(costs.reducerSendSeconds * 4e6).toBeCloseTo(6e-3, 8);
      expect(costs.workerSendSeconds * 4e6).toBeCloseTo(4e-3, 8);
      expect(costs.workerAddSeconds).toBe(3e-9);
      expect(costs.upBytesPerSecond).toBeCloseTo(4e6 / 10e-3, 0);
      expect(costs.downBytesPerSecond).toBeCloseTo(4e6 / 8e-3, 0);
    },
  );

  it("stay positive, and within what was measured, when noise is larger than that", () => {
    for (const [one, two] of [
      [0.5, 0],
      [0, 0.5],
    ] as const) {
      const noisy = { ...measured, one: [round(1, one)], two: [round(2, two)] };
      const costs = costsOf(noisy, arithmetic, "median");
      for (const cost of Object.values(costs)) expect(cost).toBeGreaterThan(0);
      const down = (noisy.one[0] as Round).down.reducersBusy;
      expect(costs.reducerSendSeconds * 4e6 + costs.applySeconds * 1e6).toBeCloseTo(down, 8);
    }
  });
});

describe("a run that has ended", () => {
  const spread = (median: number) => ({ min: 0.9 * median, median, max: 2 * median });
  const timing = {
    steps: 100,
    stepSeconds: spread(0.143),
    laneSeconds: spread(0.096),
    computeSeconds: spread(0.097),
    commitSeconds: spread(0.006),
    workers: 2,
    reducers: 1,
    reducerSeconds: 0.03,
  };

  it("is predicted from its own parts, and told beside them", () => {
    const back = lookBack(spec, { ...result, timing });
    if (back === null) throw new Error("nothing to look back at");
    expect(spec.lanes).toBe(2);
    expect(back.predicted.parts.compute).toBeCloseTo(0.096, 8);
    expect(back.predicted.parts.update).toBeCloseTo(0.006, 3);
    // Two vectors up and two down through one reducer that was busy for 24 ms with that.
    expect(back.predicted.seconds).toBeGreaterThan(0.126);
    expect(back.predicted.seconds).toBeLessThan(0.131);
    expect(back.efficiency).toBeCloseTo(0.096 / 0.143, 8);
    const [measured, predicted] = lookingBackRows(back).map(([, text]) => text);
    expect(measured).toBe(
      "143 ms measured (median of 100, 129 to 286): compute 97, exchange 40, update 6.0; efficiency 67 %",
    );
    expect(predicted).toMatch(
      /^1\d\d ms predicted on a network without limits: compute 96, exchange 2\d, update/,
    );
  });

  it("says nothing where no usual step was measured, or before it was", () => {
    expect(lookBack(spec, { ...result, timing: null })).toBeNull();
    const { timing: _, ...older } = result;
    expect(lookBack(spec, RunResult.parse(older))).toBeNull();
  });
});
