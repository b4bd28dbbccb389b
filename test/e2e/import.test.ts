/** `trainyard import` and `datasets` as a user runs them: the program, a folder, a store on disk, exit codes. */
import { spawnSync } from "node:child_process";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { jpeg, temporaryFolders, writeTree } from "../support/images.js";

const program = resolve("bin/trainyard.mjs");
const newFolder = temporaryFolders();

let folder: string;
beforeAll(async () => {
  folder = await newFolder();
  const files: Record<string, Buffer | string> = {
    "photos/cats/notes.txt": "about",
    "photos/.DS_Store": "x",
  };
  for (let index = 0; index < 10; index += 1) {
    files[`photos/cats/${index}.jpg`] = await jpeg(index);
    files[`photos/dogs/${index}.jpg`] = await jpeg(index + 10);
  }
  await writeTree(folder, files);
});

function trainyard(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("trainyard import", () => {
  it("imports, says what it found and left out, and where the report is", async () => {
    const { status, stdout, stderr } = trainyard("import", "photos", "--name", "pets");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/cats +8 +2\n +dogs +8 +2\n +all +16 +4\n/);
    expect(stdout).toMatch(/22 files = 20 images \+ 1 rejected \+ 1 ignored/);
    expect(stdout).toMatch(/rejected: cats\/notes\.txt is a text file/);
    const report = /report (.*report\.html)/.exec(stdout)?.[1] ?? "";
    expect(await readFile(report, "utf8")).toMatch(/<title>pets: data set<\/title>/);
    expect((await stat(join(folder, ".trainyard/datasets/pets/shards/000000.tar"))).size).toBeGreaterThan(0);
  });

  it("importing the same content again succeeds, other content under the name is refused, and both are reported", () => {
    expect(trainyard("import", "photos", "--name", "pets")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("was imported before, with the same content"),
    });
    expect(trainyard("import", "photos", "--name", "pets", "--classes", "dogs,cats")).toMatchObject({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(
        /^trainyard: the data set "pets" is there already with other content.*\n$/,
      ),
    });
  });

  it("prints JSON for scripts, and lists and shows what is there", () => {
    const imported = JSON.parse(
      trainyard("import", "photos", "--name", "more", "--split-seed", "7", "--json").stdout,
    );
    expect(imported).toMatchObject({
      name: "more",
      classes: ["cats", "dogs"],
      accepted: 20,
      wasThere: false,
    });
    const listed = JSON.parse(trainyard("datasets", "list", "--json").stdout);
    expect(listed.map(({ name }: { name: string }) => name)).toEqual(["more", "pets"]);
    expect(trainyard("datasets", "list").stdout).toMatch(/^more +16 \+ 4 images +2 classes \(cats, dogs\)/);
    const shown = JSON.parse(trainyard("datasets", "show", "more", "--json").stdout);
    expect(shown).toMatchObject({ hash: imported.hash, samples: { train: 16, validation: 4 } });
    expect(trainyard("datasets", "show", "pets").stdout).toMatch(
      /sizes +smallest 32x24, median 32x24, largest 32x24/,
    );
  });

  it("bad input is one sentence and exit code 2", async () => {
    await mkdir(join(folder, "empty"));
    const cases: [words: string[], sentence: RegExp][] = [
      [["import", "nowhere"], /^trainyard: nowhere can't be read: there is no such file or folder\n$/],
      [["import", "empty"], /^trainyard: empty has no class folders and no images\n$/],
      [
        ["import", "photos/cats"],
        /found 10 images in photos\/cats but no class folders; did you mean the parent, photos\?/,
      ],
      [["import", "photos", "--name", "a/b"], /"a\/b" can't name a data set/],
      [["import", "photos", "--on-bad", "fail"], /1 file can't be used/],
      [["import", "photos", "--validation-split", "1"], /--validation-split must be above 0 and below 1/],
      [["import", "photos", "--clases", "a"], /classes/],
      [["datasets", "show", "nope"], /no data set "nope"/],
    ];
    for (const [words, sentence] of cases) {
      const { status, stdout, stderr } = trainyard(...words);
      expect(stderr).toMatch(sentence);
      expect([status, stdout]).toEqual([2, ""]);
    }
  });
});
