/** What docs/scaling.md says of the model's curve is what the model says. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { curveTable, remedyTable } from "../bench/scale/curve.js";

const page = readFileSync("docs/scaling.md", "utf8");

describe("docs/scaling.md", () => {
  it.each([
    ["the curve", curveTable],
    ["what moves the limit", remedyTable],
  ])("has %s as the model draws it now", (_, table) => {
    expect(page).toContain(table().join("\n"));
  });
});
