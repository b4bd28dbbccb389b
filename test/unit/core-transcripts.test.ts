/**
 * The core's scenarios: every file of test/unit/core-transcripts, replayed. `npm run build:transcripts` writes down what
 * the core does now; read the difference before you commit it.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readTranscript, replay } from "../support/core-transcript.js";

const folder = join(import.meta.dirname, "core-transcripts");
const isWriting = process.env["TRANSCRIPTS"] === "write";

describe.each(readdirSync(folder).filter((file) => file.endsWith(".txt")))("%s", (file) => {
  const path = join(folder, file);
  const { preface, scenarios } = readTranscript(readFileSync(path, "utf8"));
  const replayed: string[] = [];

  it.each(scenarios)("$promise", (scenario) => {
    const text = replay(scenario);
    replayed.push(text);
    if (!isWriting) expect(text).toBe(scenario.text);
  });

  it("has scenarios, each with commands", () => {
    expect(scenarios.length).toBeGreaterThan(0);
    for (const { promise, commands } of scenarios) expect(commands, promise).not.toEqual([]);
  });

  afterAll(() => {
    if (isWriting)
      writeFileSync(path, `${[preface, ...replayed].filter((part) => part !== "").join("\n\n\n")}\n`);
  });
});
