/** A seed is one run: replaying it gives the same transcript, so that a failure that was seen once can be looked at. */
import { expect, it } from "vitest";
import { planOf } from "./plan.js";
import { runScript } from "./run.js";

async function transcriptOf(seed: number): Promise<string[]> {
  const lines: string[] = [];
  await runScript(planOf(seed), (line) => lines.push(line));
  return lines;
}

it("a seed's transcript is the same every time", async () => {
  for (const seed of [1, 7, 19, 42, 77, 104]) {
    const first = await transcriptOf(seed);
    expect(first.length).toBeGreaterThan(20);
    expect(await transcriptOf(seed)).toEqual(first);
  }
});
