/**
 * Lays the TensorFlow library into the cache: the wheel is downloaded, its checksum is compared with the pinned
 * one, and the two libraries and the few headers that the binding needs are taken out. Every step ends in a
 * rename, so a killed set-up leaves either the whole result of a step or nothing that counts.
 */
import { createHash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { cacheFolder, makeWhole, megabytes, needFreeSpace, removeLeftovers } from "./cache.mjs";
import { libraryFolder } from "./locate.mjs";
import { tensorFlowVersion } from "./platform.mjs";
import { lastLine, pipRefusal, pythonWithPip, run } from "./programs.mjs";
import { diskFull, SetupRefusal } from "./refusal.mjs";
import { fetchWheel, wheelAddress } from "./wheel-fetch.mjs";

/**
 * @typedef {import("./platform.mjs").Platform} Platform
 * @typedef {(line: string) => void} Say
 * @typedef {{ name: string, bytes: number, sha256: string }} LaidFile
 */

const libraries = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];
/** What `tensorflow/c/*.h` include; the other 13,000 headers (260 MB) stay in the wheel. */
const headers = ["tensorflow/c/", "tensorflow/core/platform/ctstring", "tsl/platform/ctstring", "xla/tsl/c/"];
const record = "files.json";
/** Both libraries, the compiled binding, and a little room. */
const libraryBytes = 900_000_000;
/** The growing file in the download folder; it outlives a killed set-up, and the next one continues it. */
const partName = "tensorflow.whl.part";
const downloadReportMs = 3_000;

/**
 * Makes the library folder whole, if it is not. Call it under the cache's lock.
 * @param {Platform} platform
 * @param {Say} say
 * @param {string} again the command that starts the set-up again
 */
export async function layLibrary(platform, say, again) {
  const folder = libraryFolder(platform.name);
  if (await isWhole(folder)) return;
  if (existsSync(folder)) {
    say("the TensorFlow library in the cache is damaged; laying it anew");
    rmSync(folder, { recursive: true, force: true });
  }
  const download = downloadFolder(platform);
  for (const target of [folder, download]) removeLeftovers(target);
  const stillToLoad =
    wheelIn(download) === undefined ? platform.wheel.bytes - sizeOf(join(download, partName)) : 0;
  needFreeSpace(folder, libraryBytes + stillToLoad, `TensorFlow ${tensorFlowVersion}`);
  const wheel = await downloadedWheel(platform, say, again);
  await takeOut(wheel, folder, say, again);
  rmSync(join(wheel, ".."), { recursive: true, force: true });
}

/**
 * Sizes and SHA-256 of the laid files, against those recorded when they were taken out.
 * @param {string} folder
 */
async function isWhole(folder) {
  if (!existsSync(join(folder, record))) return false;
  /** @type {LaidFile[]} */
  const files = JSON.parse(readFileSync(join(folder, record), "utf8"));
  const checks = files.map(async ({ name, bytes, sha256 }) => {
    const path = join(folder, name);
    return existsSync(path) && statSync(path).size === bytes && (await sha256Of(path)) === sha256;
  });
  return (await Promise.all(checks)).every((isSame) => isSame);
}

/**
 * The wheel's path: the one that an earlier, interrupted set-up completed, else freshly downloaded.
 * @param {Platform} platform
 * @param {Say} say
 * @param {string} again
 */
async function downloadedWheel(platform, say, again) {
  const target = downloadFolder(platform);
  const kept = wheelIn(target);
  if (kept !== undefined && (await sha256Of(kept)) === platform.wheel.sha256) {
    say("the downloaded wheel is there already");
    return kept;
  }
  const python = await pythonWithPip();
  say(
    `downloading TensorFlow ${tensorFlowVersion} (${platform.wheel.distribution}, ${megabytes(platform.wheel.bytes)})`,
  );
  if (await isFetched(platform, python, target, say, again)) return /** @type {string} */ (wheelIn(target));
  await makeWhole(target, async (partial) => {
    await downloadByPip(platform, python, partial, say, again);
    const wheel = wheelIn(partial);
    if (wheel !== undefined && (await sha256Of(wheel)) === platform.wheel.sha256) return;
    throw wrongChecksum(platform, again);
  });
  return /** @type {string} */ (wheelIn(target));
}

/**
 * @param {Platform} platform
 * @param {string} again
 */
function wrongChecksum({ wheel }, again) {
  return new SetupRefusal(
    `The TensorFlow wheel that pip downloaded does not match its checksum ${wheel.sha256}. Clear pip's cache and try again: python3 -m pip cache purge && ${again}`,
  );
}

/**
 * Fetches the wheel by ranges into the download folder, continuing an earlier part. False: pip has to do it.
 * @param {Platform} platform
 * @param {string} python
 * @param {string} folder
 * @param {Say} say
 * @param {string} again
 */
async function isFetched(platform, python, folder, say, again) {
  const { wheel } = platform;
  mkdirSync(folder, { recursive: true });
  const part = join(folder, partName);
  const prefix = `${wheel.distribution.replaceAll("-", "_")}-${tensorFlowVersion}-cp311-cp311-`;
  const address = await wheelAddress(python, pipTarget(wheel.tag), wheel, prefix);
  if (address === undefined) return false;
  const before = sizeOf(part);
  if (before > 0) say(`continuing at ${megabytes(before)}`);
  const reporting = setInterval(() => reportDownload(folder, wheel.bytes, say), downloadReportMs);
  const { state, output } = await fetchWheel(python, address, part, wheel.bytes, () => sizeOf(part));
  clearInterval(reporting);
  if (state === "diskFull") throw diskFull(folder);
  if (state === "broken") throw brokenDownload(lastLine(output), again);
  if (state === "notPossible") return false;
  if ((await sha256Of(part)) !== wheel.sha256) {
    rmSync(part);
    throw wrongChecksum(platform, again);
  }
  renameSync(part, join(folder, "tensorflow.whl"));
  return true;
}

/**
 * @param {string} reason
 * @param {string} again
 */
function brokenDownload(reason, again) {
  return new SetupRefusal(
    `The connection broke while TensorFlow ${tensorFlowVersion} was downloaded (${reason}). What came is kept; to continue, run: ${again}`,
  );
}

/** @param {string} path */
function sizeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Where a completely downloaded wheel waits until the library is taken out of it.
 * @param {Platform} platform
 */
function downloadFolder({ wheel }) {
  return join(cacheFolder(), `download-${wheel.sha256.slice(0, 12)}`);
}

/** @param {string} folder */
function wheelIn(folder) {
  if (!existsSync(folder)) return undefined;
  const name = readdirSync(folder).find((entry) => entry.endsWith(".whl"));
  return name === undefined ? undefined : join(folder, name);
}

/** @param {string} tag */
function pipTarget(tag) {
  const python = ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--platform", tag];
  return ["--only-binary=:all:", ...python];
}

/**
 * @param {Platform} platform
 * @param {string} python
 * @param {string} folder
 * @param {Say} say
 * @param {string} again
 */
async function downloadByPip({ wheel }, python, folder, say, again) {
  const reporting = setInterval(() => reportDownload(folder, wheel.bytes, say), downloadReportMs);
  // pip writes the growing file into its temporary folder: ours, so that it lies on the disk that was checked.
  const args = ["-m", "pip", "download", "--no-deps", "--no-cache-dir", ...pipTarget(wheel.tag)];
  const ended = await run(python, [...args, "-d", folder, `${wheel.distribution}==${tensorFlowVersion}`], {
    env: { TMPDIR: folder, PIP_RESUME_RETRIES: process.env["PIP_RESUME_RETRIES"] ?? "5" },
  });
  clearInterval(reporting);
  if (ended.code !== 0) throw pipRefusal(`TensorFlow ${tensorFlowVersion}`, ended.output, folder, again);
}

/**
 * @param {string} folder
 * @param {number} bytes of the whole wheel
 * @param {Say} say
 */
function reportDownload(folder, bytes, say) {
  const here = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
  const sizes = here
    .filter((path) => /\.whl(\.part)?$/.test(path))
    .map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  const got = Math.max(0, ...sizes);
  if (got > 0 && got < bytes)
    say(`  ${megabytes(got)} of ${megabytes(bytes)} (${Math.floor((100 * got) / bytes)} %)`);
}

/** Python's zipfile checks each member's CRC as it writes it. Arguments: wheel, folder, libraries, headers. */
const takeOutProgram = `
import os, shutil, sys, zipfile
wheel, folder, libraries, headers = sys.argv[1], sys.argv[2], sys.argv[3].split(","), sys.argv[4].split(",")
with zipfile.ZipFile(wheel) as members:
    for member in members.infolist():
        path = member.filename.split("/", 1)[-1]
        header = path.startswith("include/") and any(path[8:].startswith(part) for part in headers)
        if member.is_dir() or (path not in libraries and not header):
            continue
        target = os.path.join(folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with members.open(member) as source, open(target, "wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
`;

/**
 * @param {string} wheel
 * @param {string} folder
 * @param {Say} say
 * @param {string} again
 */
async function takeOut(wheel, folder, say, again) {
  say("taking the TensorFlow library out of the wheel (853 MB)");
  await makeWhole(folder, async (partial) => {
    const args = ["-c", takeOutProgram, wheel, partial, libraries.join(","), headers.join(",")];
    const ended = await run("python3", args);
    if (/No space left on device|Errno 28/.test(ended.output)) throw diskFull(folder);
    if (ended.code !== 0 || !libraries.every((name) => existsSync(join(partial, name)))) {
      throw new SetupRefusal(
        `The TensorFlow wheel ${wheel} can't be opened (${lastLine(ended.output)}). Download it again: rm -r ${join(wheel, "..")} && ${again}`,
      );
    }
    const files = await Promise.all(libraries.map((name) => laidFile(partial, name)));
    writeFileSync(join(partial, record), JSON.stringify(files, undefined, 1));
  });
}

/**
 * @param {string} folder
 * @param {string} name
 * @returns {Promise<LaidFile>}
 */
async function laidFile(folder, name) {
  const path = join(folder, name);
  return { name, bytes: statSync(path).size, sha256: await sha256Of(path) };
}

/**
 * @param {string} path
 * @returns {Promise<string>}
 */
function sha256Of(path) {
  return new Promise((resolve, reject) => {
    const hash = createHash("sha256");
    createReadStream(path, { highWaterMark: 1 << 20 })
      .on("data", (chunk) => hash.update(chunk))
      .on("end", () => resolve(hash.digest("hex")))
      .on("error", reject);
  });
}
