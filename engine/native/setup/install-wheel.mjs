/**
 * Installs a pinned wheel in the cache: downloads it, compares its checksum, and unpacks the files that are needed. Every
 * step ends with a rename, so an interrupted set-up leaves either the complete result of a step or nothing that counts.
 * install-library.mjs decides which wheels are installed, and which of their files.
 */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeWhole, megabytes, needFreeSpace, removeLeftovers } from "./cache-folder.mjs";
import { sha256Of } from "./checksum.mjs";
import { lastLine, run } from "./run-program.mjs";
import { diskFull, SetupError } from "./setup-error.mjs";
import {
  discardDownload,
  downloadedWheel,
  downloadFolder,
  isDownloaded,
  partBytes,
} from "./wheel-download.mjs";

/**
 * @typedef {{ distribution: string, version: string, file: string, sha256: string, bytes: number, installedBytes: number }} Wheel
 *   bytes: size of the wheel; installedBytes: size of the files that are unpacked from it
 * @typedef {{ wheel: Wheel, title: string, folder: string, members: readonly string[], libraries: readonly string[] }} Part
 *   Which files of a wheel go where. members: regular expressions that match whole member names; their first group is the
 *   path in `folder`. libraries: the paths that must exist afterwards, "*" for all unpacked files.
 * @typedef {(line: string) => void} Say
 * @typedef {{ name: string, bytes: number, sha256: string }} InstalledFile
 */

const record = "files.json";
/** Room for the compiled binding, and some more. */
const roomBytes = 46_000_000;

/**
 * Installs each part that is not installed or is damaged. Call it while holding the cache's lock.
 * @param {readonly Part[]} parts
 * @param {Say} say
 * @param {string} again the command that starts the set-up again
 * @param {{ what: string, later?: readonly Part[] }} room what: a name for all parts, for the error about a full disk;
 *   later: parts that will be installed afterwards and need room on the same disk
 */
export async function installParts(parts, say, again, { what, later = [] }) {
  const missing = [];
  for (const part of parts) if (!(await isWhole(part.folder))) missing.push(part);
  const [first] = missing;
  if (first === undefined) return;
  for (const part of missing) clear(part, say);
  needFreeSpace(first.folder, neededBytes([...missing, ...later]), what);
  for (const part of missing) await installPart(part, say, again);
}

/**
 * The room that the parts need. A wheel is removed before the next one is downloaded, so only the largest one counts.
 * @param {readonly Part[]} parts
 */
function neededBytes(parts) {
  const missing = parts.filter(({ folder }) => !existsSync(folder));
  const installed = missing.reduce((sum, { wheel }) => sum + wheel.installedBytes, roomBytes);
  const toLoad = missing.map(({ wheel }) => (isDownloaded(wheel) ? 0 : wheel.bytes - partBytes(wheel)));
  return installed + Math.max(...toLoad);
}

/**
 * Removes a damaged folder, and what an interrupted set-up has left.
 * @param {Part} part
 * @param {Say} say
 */
function clear({ wheel, title, folder }, say) {
  if (existsSync(folder)) {
    say(`${title} in the cache is damaged; installing it anew`);
    rmSync(folder, { recursive: true, force: true });
  }
  for (const target of [folder, downloadFolder(wheel)]) removeLeftovers(target);
}

/**
 * @param {Part} part
 * @param {Say} say
 * @param {string} again
 */
async function installPart(part, say, again) {
  const path = await downloadedWheel(part.wheel, part.title, say, again);
  await takeOut(part, path, say, again);
  discardDownload(part.wheel);
}

/**
 * Whether the installed files have the sizes and SHA-256 that were recorded when they were unpacked.
 * @param {string} folder
 */
async function isWhole(folder) {
  if (!existsSync(join(folder, record))) return false;
  /** @type {InstalledFile[]} */
  const files = JSON.parse(readFileSync(join(folder, record), "utf8"));
  const checks = files.map(async ({ name, bytes, sha256 }) => {
    const path = join(folder, name);
    return existsSync(path) && statSync(path).size === bytes && (await sha256Of(path)) === sha256;
  });
  return (await Promise.all(checks)).every((isSame) => isSame);
}

/**
 * A Python program that unpacks a wheel; Python's zipfile checks each member's CRC. Arguments: wheel, folder, regular
 * expressions. Writes a line for each file.
 */
const takeOutProgram = `
import os, re, shutil, sys, zipfile
wheel, folder, expressions = sys.argv[1], sys.argv[2], [re.compile(text) for text in sys.argv[3:]]
with zipfile.ZipFile(wheel) as members:
    for member in members.infolist():
        found = [place[1] for place in (each.fullmatch(member.filename) for each in expressions) if place]
        if member.is_dir() or not found or ".." in found[0].split("/"):
            continue
        target = os.path.join(folder, found[0])
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with members.open(member) as source, open(target, "wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
        os.chmod(target, 0o755 if member.external_attr >> 16 & 0o100 else 0o644)
        print("took " + found[0])
`;

/**
 * @param {Part} part
 * @param {string} path of the wheel
 * @param {Say} say
 * @param {string} again
 */
async function takeOut({ wheel, title, folder, members, libraries }, path, say, again) {
  say(`taking ${title} out of the wheel (${megabytes(wheel.installedBytes)})`);
  await makeWhole(folder, async (partial) => {
    /** @type {string[]} */
    const taken = [];
    const ended = await run("python3", ["-c", takeOutProgram, path, partial, ...members], {
      onLine: (line) => void (line.startsWith("took ") && taken.push(line.slice("took ".length))),
    });
    if (/No space left on device|Errno 28/.test(ended.output)) throw diskFull(folder);
    const kept = libraries.includes("*") ? taken : libraries;
    if (ended.code !== 0 || kept.length === 0 || !kept.every((name) => existsSync(join(partial, name)))) {
      throw new SetupError(
        `The wheel ${path} can't be opened (${lastLine(ended.output)}). Download it again: rm -r ${downloadFolder(wheel)} && ${again}`,
      );
    }
    const files = await Promise.all(kept.map((name) => installedFile(partial, name)));
    writeFileSync(join(partial, record), JSON.stringify(files, undefined, 1));
  });
}

/**
 * @param {string} folder
 * @param {string} name
 * @returns {Promise<InstalledFile>}
 */
async function installedFile(folder, name) {
  const path = join(folder, name);
  return { name, bytes: statSync(path).size, sha256: await sha256Of(path) };
}
