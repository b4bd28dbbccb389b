/**
 * The set-up on machines that lack something, and set-ups that were interrupted or run twice at once: real pip
 * against a package index on loopback, real processes, real kills.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { findProgram } from "../../engine/native/setup/run-program.mjs";
import { PackageIndex } from "../support/package-index.js";

const setup = pathToFileURL(join(import.meta.dirname, "../../engine/native/setup/")).href;

let folder: string;
let index: PackageIndex;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "trainyard-setup-"));
  index = await PackageIndex.start(folder);
});
afterEach(() => {
  index.close();
  rmSync(folder, { recursive: true, force: true });
});

const cache = () => join(folder, "cache", "trainyard");
const library = () => join(cache(), "tensorflow-2.21.0-cpu-linux-x64");
const partBytes = () => {
  const part = join(cache(), `download-${index.platform.wheel.sha256.slice(0, 12)}`, "wheel.part");
  return statSync(part, { throwIfNoEntry: false })?.size ?? 0;
};
const leftovers = () => readdirSync(cache()).filter((name) => /partial|download|lock/.test(name));

/** A process group of its own that runs `code` of the set-up, telling refusals as bootstrap.mjs does. */
function start(code: string, environment: Record<string, string> = {}): ChildProcess {
  const { PIP_FIND_LINKS: _links, PIP_NO_INDEX: _none, ...rest } = process.env;
  const program = `
    try { ${code} } catch (caught) {
      if (caught.name !== "SetupError") throw caught;
      console.log("REFUSED " + caught.message);
    }`;
  const pip = {
    PIP_INDEX_URL: index.url,
    PIP_RETRIES: "0",
    PIP_CONFIG_FILE: "/dev/null",
    NO_PROXY: "127.0.0.1",
  };
  const env = { ...rest, ...pip, XDG_CACHE_HOME: join(folder, "cache"), ...environment };
  return spawn(process.execPath, ["--input-type=module", "-e", program], { env, detached: true });
}

/** Everything that the process wrote, once it ended. */
function ended(child: ChildProcess): Promise<string> {
  let output = "";
  child.stdout?.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    output += chunk;
  });
  return new Promise((resolve) => child.once("close", () => resolve(output)));
}

const installProgram = () => `
  const { installLibrary } = await import("${setup}install-library.mjs");
  const { withLock } = await import("${setup}lock-file.mjs");
  const say = (line) => console.log(line);
  const platform = ${JSON.stringify(index.platform)};
  await withLock(${JSON.stringify(join(cache(), "tensorflow.lock"))}, say, () => installLibrary(platform, say, "npm run demo"));`;
const install = () => ended(start(installProgram()));

describe("installing the library", () => {
  it("takes out the libraries and the headers that the binding includes, and nothing a second time", async () => {
    expect(await install()).toContain("downloading TensorFlow 2.21.0 (tensorflow-cpu, 3 MB)");
    expect(readFileSync(join(library(), "libtensorflow_cc.so.2"))).toHaveLength(3_000_000);
    expect(existsSync(join(library(), "include/tensorflow/c/c_api.h"))).toBe(true);
    expect(existsSync(join(library(), "include/unsupported"))).toBe(false);
    expect(leftovers()).toEqual([]);
    expect(await install()).toBe("");
    expect(index.downloads).toBe(1);
  });

  it("killed in the middle of the download, is continued by the next run", async () => {
    const halfSent = index.stalled();
    const child = start(installProgram());
    await halfSent;
    await vi.waitUntil(() => partBytes() > 0);
    process.kill(-(child.pid as number), "SIGKILL");
    await ended(child);
    expect(existsSync(library())).toBe(false);
    index.isStalling = false;
    const kept = partBytes();
    expect(await install()).toContain("continuing at");
    expect(index.ranges).toEqual([undefined, `bytes=${kept}-`]);
    expect(readFileSync(join(library(), "libtensorflow_cc.so.2"))).toHaveLength(3_000_000);
    expect(leftovers()).toEqual([]);
  });

  it("continues within the run when the server cuts the connection", async () => {
    index.cuts = 2;
    await install();
    expect(index.ranges).toHaveLength(3);
    expect(index.ranges.slice(1)).toEqual([
      expect.stringMatching(/^bytes=\d+-$/),
      expect.stringMatching(/^bytes=\d+-$/),
    ]);
    expect(readFileSync(join(library(), "libtensorflow_cc.so.2"))).toHaveLength(3_000_000);
  });

  it("starts over at a server that ignores ranges", async () => {
    index.cuts = 1;
    index.ignoresRanges = true;
    await install();
    expect(index.ranges).toHaveLength(2);
    expect(readFileSync(join(library(), "libtensorflow_cc.so.2"))).toHaveLength(3_000_000);
  });

  it("leaves the download to pip where the index gives the file to pip only", async () => {
    index.isForPipOnly = true;
    await install();
    expect(readFileSync(join(library(), "libtensorflow_cc.so.2"))).toHaveLength(3_000_000);
    expect(leftovers()).toEqual([]);
  });

  it("killed while the library is taken out, does not download again", async () => {
    const download = join(cache(), `download-${index.platform.wheel.sha256.slice(0, 12)}`);
    mkdirSync(download, { recursive: true });
    writeFileSync(join(download, "tensorflow.whl"), index.wheel);
    mkdirSync(`${library()}.partial-1`);
    writeFileSync(join(`${library()}.partial-1`, "libtensorflow_cc.so.2"), "half");
    expect(await install()).toContain("the downloaded wheel is there already");
    expect(readFileSync(join(library(), "libtensorflow_cc.so.2"))).toHaveLength(3_000_000);
    expect(index.downloads).toBe(0);
    expect(leftovers()).toEqual([]);
  });

  it("refuses a wheel of another checksum, though the index vouches for it", async () => {
    index.isTampered = true;
    expect(await install()).toMatch(/REFUSED .*does not match its checksum.*pip cache purge && npm run demo/);
    expect(partBytes()).toBe(0);
    expect(existsSync(library())).toBe(false);
  });

  it("installs a damaged library anew", async () => {
    await install();
    const file = join(library(), "libtensorflow_cc.so.2");
    const bytes = readFileSync(file);
    bytes[1_000_000] = (bytes[1_000_000] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect(await install()).toContain("is damaged; installing it anew");
    expect(readFileSync(file)[1_000_000]).toBe((bytes[1_000_000] ?? 0) ^ 1);
  });

  it("does the work once when two set-ups run at once", async () => {
    const both = await Promise.all([install(), install()]);
    expect(both.filter((output) => output.includes("downloading"))).toHaveLength(1);
    expect(index.downloads).toBe(1);
    expect(leftovers()).toEqual([]);
  });

  it("without a network says so, with pip's reason and what to run", async () => {
    const output = await ended(start(installProgram(), { PIP_INDEX_URL: "http://127.0.0.1:9/simple" }));
    expect(output).toMatch(/REFUSED pip can't reach its package index .*then run: npm run demo\n$/);
  });
});

describe("a machine that lacks something", () => {
  const setUp = `await (await import("${setup}set-up-tensorflow.mjs")).setUpTensorFlow(console.log, "npm run demo");`;

  /** The set-up with only these programs on PATH; a script stands for each that is not a real path. */
  async function setUpWith(programs: Record<string, string>): Promise<string> {
    const bin = join(folder, "bin");
    mkdirSync(bin);
    for (const [name, target] of Object.entries(programs)) {
      if (target.startsWith("/")) symlinkSync(target, join(bin, name));
      else writeFileSync(join(bin, name), `#!/bin/sh\n${target}\n`);
      chmodSync(join(bin, name), 0o755);
    }
    return await ended(start(setUp, { PATH: bin, CXX: "" }));
  }

  it("without a C++ compiler names the package before anything is downloaded", async () => {
    const output = await setUpWith({ python3: findProgram("python3") as string });
    expect(output).toMatch(/^REFUSED There is no C\+\+ compiler;.*Run: (sudo )?apt-get install -y g\+\+\n$/);
  });

  it("without Python names the packages", async () => {
    const output = await setUpWith({ "g++": "exit 0" });
    expect(output).toMatch(
      /^REFUSED Python 3 is not there;.*Run: (sudo )?apt-get install -y python3 python3-pip\n$/,
    );
  });

  it("without pip names the package", async () => {
    const output = await setUpWith({ "g++": "exit 0", python3: "echo No module named pip >&2; exit 1" });
    expect(output).toMatch(/^REFUSED Python 3 has no pip;.*Run: (sudo )?apt-get install -y python3-pip\n$/);
  });
});
