/** Sizes as users write them for a worker's memory and disk, and the words that bring them to another process. */
import { expect, it } from "vitest";
import { readCommandLine } from "../../cli/command-line.js";
import { keepingOf } from "../../cli/image-cache-flags.js";
import { imageCacheWords } from "../../local-cluster/process-flags.js";
import { limits } from "../../shared/limits.js";
import { flagsOf } from "../../shared/settings/given.js";
import { imageCacheSettings } from "../../shared/settings/process-settings.js";

const flagsIn = (...words: string[]) =>
  flagsOf(imageCacheSettings, readCommandLine(words, imageCacheSettings).given);

it.each([
  ["0", 0],
  ["1048576", 1_048_576],
  ["512MiB", 512 * 1024 * 1024],
  ["512 mib", 512 * 1024 * 1024],
  ["1.5GiB", 1.5 * 1024 ** 3],
  ["100MB", 100e6],
  ["2GB", 2e9],
])("%s is %d bytes", (written, bytes) =>
  expect(flagsIn("--image-cache-disk", written).imageCacheDisk).toBe(bytes),
);

it.each(["", "lots", "-1GiB", "1TiBs", "1e9", "GiB"])("%j is refused by the flag's name", (written) => {
  expect(() => flagsIn(`--image-cache-disk=${written}`)).toThrow(
    /--image-cache-disk must be a size like 512MiB or 4GiB, or 0 for none/,
  );
});

it("two sizes are refused", () => {
  expect(() => flagsIn("--image-cache-disk", "1", "--image-cache-disk", "2")).toThrow(
    "--image-cache-disk is given more than once",
  );
});

it("the defaults are those of the limits, and words carry what was chosen, to the byte", () => {
  expect(flagsIn()).toEqual({
    imageCacheMemory: limits.imageCacheBytes,
    imageCacheDisk: limits.imageFileBytes,
  });
  const flags = { imageCacheMemory: 1_234_567, imageCacheDisk: 0 };
  expect(flagsIn(...imageCacheWords(flags))).toEqual(flags);
  expect(imageCacheWords({})).toEqual([]);
  expect(keepingOf(flags, () => undefined)).toMatchObject({
    memoryBytes: 1_234_567,
    file: { budgetBytes: 0 },
  });
});
