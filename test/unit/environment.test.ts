import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readVariable } from "../../shared/environment.js";
import { secretVariables } from "../../shared/settings/variables.js";

const folder = mkdtempSync(join(tmpdir(), "trainyard-secret-"));
const file = join(folder, "key");
writeFileSync(file, " a secret \r\n");
const twoLines = join(folder, "two-lines");
writeFileSync(twoLines, "a secret\nand more\n");
afterAll(() => rmSync(folder, { recursive: true }));

it("a value comes from its variable, or from the file that its _FILE variable names", () => {
  expect(readVariable("KEY", { KEY: "value" })).toBe("value");
  expect(readVariable("KEY", { KEY_FILE: file })).toBe("a secret");
  expect(readVariable("KEY", { KEY: "", KEY_FILE: file })).toBe("a secret");
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

it("white space around a value is not part of it, nor of the path of a file", () => {
  expect(readVariable("KEY", { KEY: " \tvalue\n" })).toBe("value");
  expect(readVariable("KEY", { KEY: " \n " })).toBeUndefined();
  expect(readVariable("KEY", { KEY_FILE: ` ${file}\n` })).toBe("a secret");
});

describe.each(secretVariables)("$name", ({ name, hasFile }) => {
  const refusal = "must not hold a line break, a tab or another control character";

  it("is refused by its name, without its value, when a control character is inside", () => {
    for (const inside of ["se\ncret", "se\tcret", "se\u0000cret", "se\u007fcret"]) {
      expect(() => readVariable(name, { [name]: inside })).toThrow(new RegExp(`^${name} ${refusal}$`));
    }
  });

  if (hasFile)
    it("is refused by the name of its file's variable when the file has two lines", () => {
      expect(() => readVariable(name, { [`${name}_FILE`]: twoLines })).toThrow(`${name}_FILE`);
      expect(() => readVariable(name, { [`${name}_FILE`]: twoLines })).toThrow(refusal);
      expect(() => readVariable(name, { [`${name}_FILE`]: twoLines })).not.toThrow("secret\n");
    });
});
