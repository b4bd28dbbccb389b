/** Sizes as users write them for a worker's memory and disk, and the words that bring them to another process. */
import { expect, it } from "vitest";
import { imageCacheWords, keepingOf, parseBytes, pictureOptions } from "../../cli/image-cache-flags.js";
import { limits } from "../../shared/limits.js";

it.each([
  ["0", 0],
  ["1048576", 1_048_576],
  ["512MiB", 512 * 1024 * 1024],
  ["512 mib", 512 * 1024 * 1024],
  ["1.5GiB", 1.5 * 1024 ** 3],
  ["100MB", 100e6],
  ["2GB", 2e9],
  [3, 3],
])("%s is %d bytes", (written, bytes) => expect(parseBytes("image-cache-disk", written)).toBe(bytes));

it.each(["", "lots", "-1GiB", "1TiBs", "1e9", "GiB", ["1", "2"]])(
  "%j is refused by the flag's name",
  (written) => {
    expect(() => parseBytes("image-cache-disk", written)).toThrow(
      /--image-cache-disk must be a size like 512MiB or 4GiB, or 0 for none/,
    );
  },
);

it("the defaults are those of the limits, and words carry what was chosen, to the byte", () => {
  const options = pictureOptions();
  const memory = options["image-cache-memory"];
  const disk = options["image-cache-disk"];
  expect(memory.coerce(memory.default)).toBe(limits.imageCacheBytes);
  expect(disk.coerce(disk.default)).toBe(limits.imageFileBytes);
  const flags = { imageCacheMemory: 1_234_567, imageCacheDisk: 0 };
  const [, first, , second] = imageCacheWords(flags);
  expect([memory.coerce(first), disk.coerce(second)]).toEqual([1_234_567, 0]);
  expect(imageCacheWords({})).toEqual([]);
  expect(keepingOf(flags, () => undefined)).toMatchObject({
    memoryBytes: 1_234_567,
    file: { budgetBytes: 0 },
  });
});
