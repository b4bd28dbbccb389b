/** The seeds that `npm test` runs, in parts, so that both cores work. */
import { expect, it } from "vitest";
import { planOf } from "./plan.js";
import { runScript } from "./run.js";

const parts = 4;
const perPart = 250;

/** `part`: from 0. */
export function simulateSeeds(part: number): void {
  const first = 1 + part * perPart;
  it(`${perPart} of ${parts * perPart} seeds end with the weights of a run without faults`, {
    timeout: 600_000,
  }, async () => {
    const failed: string[] = [];
    for (let seed = first; seed < first + perPart && failed.length < 5; seed += 1) {
      const { problem } = await runScript(planOf(seed));
      if (problem !== null) failed.push(`seed ${seed}: ${problem}\n  npm run sim -- --seed ${seed}`);
    }
    expect(failed.join("\n")).toBe("");
  });
}
