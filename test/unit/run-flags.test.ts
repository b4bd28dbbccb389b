/** Flags of a run that travel: what comes out is what a command line makes of them, and nothing else comes through. */

import { describe, expect, it } from "vitest";
import yargs from "yargs";
import { flagsByName, parseFlags } from "../../cli/run-flags.js";
import { runOptions } from "../../cli/run-options.js";

const parsed = async (...words: string[]) =>
  await yargs(words)
    .parserConfiguration({ "parse-numbers": false, "dot-notation": false })
    .options(runOptions)
    .parseAsync();

const own = (flags: object) =>
  Object.fromEntries(Object.entries(flags).filter(([name]) => Object.hasOwn(runOptions, name)));

describe("flags that travel", () => {
  it.each([
    [[]],
    [["--batch-size", "64", "--epochs", "3", "--seed", "7", "--beta-1", "0.8"]],
    [["--no-horizontal-flip", "--vertical-flip", "--one-dnn=false", "--allow-mixed"]],
    [["--classes", "x y", "007", "1e3", "--run", "0042", "--class-weight", "a=2", "b=1"]],
    [["--checkpoint-seconds", "0", "--audit", "0.5", "--clip-norm", "1e-3"]],
  ])("are the same after the journey: %j", async (words) => {
    const before = await parsed(...words);
    const after = await parseFlags(JSON.parse(JSON.stringify(flagsByName(before))));
    expect(own(after)).toEqual(own(before));
  });

  it("are not those of this process' environment", async () => {
    process.env["TRAINYARD_EPOCHS"] = "99";
    try {
      expect((await parseFlags({})).epochs).toBeUndefined();
    } finally {
      delete process.env["TRAINYARD_EPOCHS"];
    }
  });

  it.each([
    [{ "batch-sise": 32 }, "unknown option --batch-sise; did you mean --batch-size?"],
    [{ epochs: "three" }, '--epochs must be a whole number, not "three"'],
    [{ epochs: { $gt: 0 } }, '--epochs can\'t be {"$gt":0}'],
    [{ model: "clasic" }, "--model must be one of"],
    [{ seed: [1, 2] }, "--seed is given more than once"],
    [{ store: "s3://elsewhere/x" }, "unknown option --store"],
    [["--epochs", "3"], "must be an object"],
    [null, "must be an object"],
  ])("that are none are refused in a sentence: %j", async (flags, sentence) => {
    const refused = parseFlags(flags);
    await expect(refused).rejects.toMatchObject({ code: "USAGE" });
    await expect(refused).rejects.toThrow(sentence);
  });
});
