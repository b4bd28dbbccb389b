/** The decisions of bootstrap.mjs and `npm test` that need no installation to be tried. */
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { areInstalled } from "../../bootstrap/npm-packages.mjs";
import { cacheFolder, needFreeSpace } from "../../engine/native/setup/cache-folder.mjs";
import { pipError } from "../../engine/native/setup/run-program.mjs";
import { asSetupError, SetupError } from "../../engine/native/setup/setup-error.mjs";
import { selectionOf } from "../support/setup/run-tests.mjs";
import { slowestLines } from "../support/setup/slowest-files.mjs";
import { countTests } from "../support/setup/vitest-run.mjs";

const lock = {
  "": { version: "0.1.0" },
  "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
  "node_modules/for-mac": { version: "1.0.0", integrity: "sha512-m", optional: true },
};
const installed = { "node_modules/a": { version: "1.0.0", integrity: "sha512-a" } };

describe("what a test run selects", () => {
  const excludedBy = (words: readonly string[]) => words.filter((word) => word !== "--exclude");

  it("is no file twice where both scales are run, and no file never", () => {
    const excluded = excludedBy(selectionOf("normal", ["normal", "full"]));
    const full = selectionOf("full", ["normal", "full"]);
    expect(new Set(excluded)).toEqual(new Set(full.flatMap((name) => [`${name}**`, `${name}/**`])));
  });

  it("lacks only the long suites for npm test; every name of the full scale is one of files", () => {
    const excluded = excludedBy(selectionOf("normal", ["normal"]));
    const full = selectionOf("full", ["full"]);
    expect(full.filter((name) => !excluded.includes(`${name}**`))).toEqual([
      "test/sim/seeds",
      "test/unit/worker-leaks",
      "test/parity/export",
    ]);
    for (const name of full) {
      const room = name.slice(0, name.lastIndexOf("/"));
      expect(readdirSync(room).filter((file) => `${room}/${file}`.startsWith(name))).not.toEqual([]);
    }
  });
});

describe("whether the npm packages are there", () => {
  it("is so without the optional packages of other platforms", () => {
    expect(areInstalled(lock, installed)).toBe(true);
  });

  it("is not so without a lock of what was installed, as npm leaves it when it was interrupted", () => {
    expect(areInstalled(lock, undefined)).toBe(false);
  });

  it("is not so with a package missing, in another version, of other content, or too many", () => {
    expect(areInstalled(lock, {})).toBe(false);
    expect(areInstalled(lock, { "node_modules/a": { version: "1.0.1", integrity: "sha512-a" } })).toBe(false);
    expect(areInstalled(lock, { "node_modules/a": { version: "1.0.0", integrity: "sha512-b" } })).toBe(false);
    expect(areInstalled(lock, { ...installed, "node_modules/b": { version: "1.0.0" } })).toBe(false);
  });
});

describe("a full disk", () => {
  it("is noticed before the download, with the room that is needed and that is free", () => {
    expect(() => needFreeSpace(tmpdir(), 1e18, "TensorFlow")).toThrow(
      /TensorFlow needs 1,000,000,000,000 MB in .* free\. .*XDG_CACHE_HOME=/,
    );
    expect(() => needFreeSpace("/nowhere/yet", 1, "TensorFlow")).not.toThrow();
  });

  it("during a set-up is reported in a sentence, not as a stack trace", () => {
    const full = Object.assign(new Error("write"), { code: "ENOSPC" });
    expect(asSetupError(full, "/cache")).toBeInstanceOf(SetupError);
    expect(
      pipError("TensorFlow", "OSError: [Errno 28] No space left on device", "/cache", "again").message,
    ).toMatch(/disk of \/cache is full/);
  });

  it("is not blamed for errors that are none of the user's", () => {
    const bug = new TypeError("bug");
    expect(asSetupError(bug, "/cache")).toBe(bug);
  });
});

describe("the cache folder", () => {
  it("follows XDG_CACHE_HOME only when that is absolute", () => {
    const before = process.env["XDG_CACHE_HOME"];
    try {
      process.env["XDG_CACHE_HOME"] = "/big/disk";
      expect(cacheFolder()).toBe("/big/disk/trainyard");
      process.env["XDG_CACHE_HOME"] = "relative";
      expect(cacheFolder()).toMatch(/\/\.cache\/trainyard$/);
    } finally {
      if (before === undefined) delete process.env["XDG_CACHE_HOME"];
      else process.env["XDG_CACHE_HOME"] = before;
    }
  });
});

describe("the count of tests", () => {
  const report = (numPassedTests: number, numFailedTests: number, testResults: object[] = []) =>
    JSON.stringify({ numPassedTests, numFailedTests, testResults });

  it("is what vitest reports", () => {
    expect(countTests(report(7, 0), 0)).toEqual({ passed: 7, failed: 0 });
    expect(countTests(report(5, 2), 1)).toEqual({ passed: 5, failed: 2 });
  });

  it("counts a file that does not load as a failure", () => {
    const file = { status: "failed", assertionResults: [] };
    expect(countTests(report(5, 1, [file, file]), 1)).toEqual({ passed: 5, failed: 3 });
  });

  it("never calls a failed vitest a success", () => {
    expect(countTests(report(5, 0), 1)).toEqual({ passed: 5, failed: 1 });
    expect(countTests(undefined, 1)).toEqual({ passed: 0, failed: 1 });
  });
});

describe("the end of a test run", () => {
  it("names the ten slowest files, slowest first, with their seconds", () => {
    const files = Array.from({ length: 12 }, (_, at) => ({ file: `test/${at}.test.ts`, seconds: at }));
    const lines = slowestLines(files);
    expect(lines).toHaveLength(11);
    expect(lines.slice(0, 2)).toEqual(["the 10 slowest files:", "   11.0 s  test/11.test.ts"]);
    expect(slowestLines(files.slice(0, 1))).toEqual(["the slowest file:", "    0.0 s  test/0.test.ts"]);
    expect(slowestLines([])).toEqual([]);
  });
});
