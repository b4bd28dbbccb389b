import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { readVariable } from "../../shared/environment.js";

const folder = mkdtempSync(join(tmpdir(), "trainyard-secret-"));
const file = join(folder, "key");
writeFileSync(file, "a secret \n");
afterAll(() => rmSync(folder, { recursive: true }));

it("a value comes from its variable, or from the file that its _FILE variable names", () => {
  expect(readVariable("KEY", { KEY: "value" })).toBe("value");
  expect(readVariable("KEY", { KEY_FILE: file })).toBe("a secret ");
  expect(readVariable("KEY", { KEY: "", KEY_FILE: file })).toBe("a secret ");
  expect(readVariable("KEY", {})).toBeUndefined();
});

it("two answers, or a file that is not there, are refused by name", () => {
  expect(() => readVariable("KEY", { KEY: "value", KEY_FILE: file })).toThrow(
    "KEY and KEY_FILE are both set",
  );
  expect(() => readVariable("KEY", { KEY_FILE: join(folder, "none") })).toThrow(
    /the file that KEY_FILE names can't be read: .*none \(ENOENT\)/,
  );
});
