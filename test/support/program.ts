/** The built program as a user runs it: a process of its own, in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const programFile = resolve("bin/trainyard.mjs");
type PhotographSet = "faces" | "signs" | "clothing";
/** Real photographs with labels, beside the repository. */
export const photographs = (set: PhotographSet) => resolve("../shared/data", set);

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

export function startProgram(words: readonly string[], options: RunOptions): ChildProcess {
  return spawn(process.execPath, [programFile, ...words], {
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: "1", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

export function endOf(child: ChildProcess): Promise<Ended> {
  const output = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  return new Promise((done) => child.once("close", (code) => done({ code, ...output })));
}

/** Runs to the end. */
export const runProgram = (words: readonly string[], options: RunOptions): Promise<Ended> =>
  endOf(startProgram(words, options));

/** Its standard output. Errors: what it said on standard error, when it did not end with 0. */
export async function succeed(words: readonly string[], options: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await runProgram(words, options);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

/** As the data set of that name. */
export const importPhotographs = (set: PhotographSet, options: RunOptions): Promise<string> =>
  succeed(["import", photographs(set), "--name", set], options);

/** A temporary folder, and its removal. */
export function scratch(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "trainyard-test-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
