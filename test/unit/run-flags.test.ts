/** Flags of a run that travel: what comes out is what a command line makes of them, and nothing else comes through. */

import { describe, expect, it } from "vitest";
import { flagsByName, parseFlags } from "../../runs/run-flags.js";
import { runFlagsOf } from "../support/parsed-flags.js";

describe("flags that travel", () => {
  it.each([
    [[]],
    [["--batch-size", "64", "--epochs", "3", "--seed", "7", "--beta-1", "0.8"]],
    [["--no-horizontal-flip", "--vertical-flip", "--one-dnn=false", "--allow-mixed"]],
    [["--classes", "x y", "007", "1e3", "--run", "0042", "--class-weight", "a=2", "b=1"]],
    [["--checkpoint-seconds", "0", "--audit", "0.5", "--clip-norm", "1e-3"]],
  ])("are the same after the journey: %j", (words) => {
    const before = runFlagsOf(words);
    const after = parseFlags(JSON.parse(JSON.stringify(flagsByName(before))));
    expect(after).toEqual(before);
  });

  it("are not those of this process' environment", () => {
    process.env["TRAINYARD_EPOCHS"] = "99";
    try {
      expect(parseFlags({}).epochs).toBeUndefined();
    } finally {
      delete process.env["TRAINYARD_EPOCHS"];
    }
  });

  it.each([
    [{ "batch-sise": 32 }, "unknown option --batch-sise; did you mean --batch-size?"],
    [{ epochs: "three" }, '--epochs must be a whole number, at least 1, not "three"'],
    [{ epochs: { $gt: 0 } }, '--epochs can\'t be {"$gt":0}'],
    [{ model: "clasic" }, "--model must be one of"],
    [{ seed: [1, 2] }, "--seed is given more than once"],
    [{ store: "s3://elsewhere/x" }, "unknown option --store"],
    [["--epochs", "3"], "must be an object"],
    [null, "must be an object"],
  ])("that are none are refused in a sentence: %j", (flags, sentence) => {
    const refused = () => parseFlags(flags);
    expect(refused).toThrow(expect.objectContaining({ code: "USAGE" }));
    expect(refused).toThrow(sentence);
  });
});
