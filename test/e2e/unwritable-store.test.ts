/**
 * A store that takes no writes is still read, and a full one can be tidied up: reading needs no right to write, deleting
 * needs no space. Made only where this user may mount a small disk.
 */
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runProgram, scratch } from "../support/program.js";
import { mountSmallDisk, type SmallDisk } from "../support/small-disk.js";

const golden = resolve("test/golden");
const disk = mountSmallDisk(12 * 1024 * 1024);
if (disk !== null) describeUnwritable(disk);

function describeUnwritable(disk: SmallDisk): void {
  const store = `file:${join(disk.folder, "store")}`;
  cpSync(join(golden, "store-2"), join(disk.folder, "store"), { recursive: true });
  afterAll(() => disk.remove());
  const trainyard = (...words: string[]) => runProgram([...words, "--store", store], { cwd: disk.folder });
  const reading = [
    ["datasets", "list"],
    ["datasets", "show", "shapes-2"],
    ["runs", "list"],
    ["runs", "show", "finished-2"],
    ["runs", "logs", "finished-2"],
    ["evaluate", "finished-2"],
    ["predict", "finished-2", join(golden, "images", "circles.png")],
  ];

  describe("a read-only store", () => {
    it("is read by every command that only reads", async () => {
      disk.setReadOnly(true);
      await Promise.all(
        reading.map(async (words) => {
          expect({ words, ...(await trainyard(...words)) }).toMatchObject({ words, code: 0, stderr: "" });
        }),
      );
    });

    it("is refused in a sentence by what writes", async () => {
      const refusals = [
        ["runs", "delete", "finished-2"],
        ["train", "shapes-2"],
        ["import", join(golden, "images"), "--name", "more"],
      ];
      for (const words of refusals) {
        expect({ words, ...(await trainyard(...words)) }).toMatchObject({
          words,
          code: 2,
          stderr: expect.stringMatching(/^trainyard: [^\n]*read-only; choose another --store\n$/),
        });
      }
      disk.setReadOnly(false);
    });
  });

  it("a run whose checkpoint and export don't fit is refused before its first step, with what would", async () => {
    const sizes = ["--model", "classic", "--image-size", "64"];
    const { code, stdout } = await trainyard(
      "train",
      "shapes-2",
      "--run",
      "wide",
      "--workers",
      "1",
      ...sizes,
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /failed: the disk of the store has [\d.]+ MiB, and one checkpoint and the export need/,
    );
    expect(stdout).toContain("free some space there, or choose another --store");
    await trainyard("runs", "delete", "wide");
  });

  it("on a full store runs are read and deleted, and a new run is refused before it begins", async () => {
    disk.fill();
    for (const words of [
      ["runs", "list"],
      ["runs", "logs", "finished-2"],
      ["runs", "show", "finished-2"],
    ]) {
      expect({ words, ...(await trainyard(...words)) }).toMatchObject({ words, code: 0, stderr: "" });
    }
    const refused = await trainyard("train", "shapes-2");
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("the disk is full") });
    expect(await trainyard("runs", "delete", "finished-2")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("finished-2 is deleted"),
    });
    expect((await trainyard("runs", "list")).stdout).not.toContain("finished-2");
  });
}

it("logs whose disk is full go to the standard error of the command, and the run goes on", async () => {
  const place = scratch();
  const store = join(place.folder, "store");
  cpSync(join(golden, "store-2"), store, { recursive: true });
  mkdirSync(join(store, "logs/dark"), { recursive: true });
  for (const name of ["coordinator", "worker-1"])
    symlinkSync("/dev/full", join(store, `logs/dark/${name}.log`));
  const flags = ["--run", "dark", "--epochs", "1", "--workers", "1", "--store", `file:${store}`];
  const { code, stderr } = await runProgram(["train", "shapes-2", ...flags], { cwd: place.folder });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const reason = "the log can't be written (ENOSPC), its lines follow here";
  for (const said of [reason, '"role":"coordinator"', '"role":"worker"']) expect(stderr).toContain(said);
  place.remove();
});
