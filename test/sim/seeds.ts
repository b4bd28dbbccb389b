/** The seeds that every test run simulates, in parts, so that all cores work. */
import { expect, it } from "vitest";
import { atScale } from "../support/scale.js";
import { planOf } from "./plan.js";
import { runScript } from "./run.js";

const parts = 4;
const perPart = atScale({ quick: 15, normal: 250, full: 300 });

/** `part`: from 0. */
export function simulateSeeds(part: number): void {
  const first = 1 + part * perPart;
  it(`${perPart} of ${parts * perPart} seeds end with the weights of a run without faults`, {
    timeout: 1_800_000,
  }, async () => {
    const failed: string[] = [];
    for (let seed = first; seed < first + perPart && failed.length < 5; seed += 1) {
      const { problem } = await runScript(planOf(seed));
      if (problem !== null) failed.push(`seed ${seed}: ${problem}\n  npm run sim -- --seed ${seed}`);
    }
    expect(failed.join("\n")).toBe("");
  });
}
