/**
 * One process of a local cluster: started from the program's own command line in a process group of its own, its
 * log in a file. Knows how it ended and what it said last; who starts it again is the cluster's business.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { packageRoot } from "../shared/version.js";

export interface ProcessOptions {
  /** Name of the process and of its log file: `worker-1`. */
  readonly name: string;
  /** The command line, without node and script. */
  readonly words: readonly string[];
  readonly logFolder: string;
  /** True: the process goes on when this one ends. False: it leaves when its standard input closes. */
  readonly detach: boolean;
  /** All variables of the process; this process' own are not passed on. */
  readonly environment: NodeJS.ProcessEnv;
  /** Gets every line of standard output, which is discarded otherwise. */
  readonly onLine?: (line: string) => void;
}

/** An exit code, or the signal that ended it. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** `SIGKILL`, or `exit code 1`. */
export const endInWords = ({ code, signal }: ProcessEnd) => signal ?? `exit code ${code}`;

export class ClusterProcess {
  readonly name: string;
  readonly log: string;
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  #end: ProcessEnd | null = null;

  constructor(options: ProcessOptions) {
    const { name, words, logFolder, detach, environment, onLine } = options;
    this.name = name;
    this.log = join(logFolder, `${name}.log`);
    const log = openSync(this.log, "a");
    this.#child = spawn(process.execPath, [join(packageRoot(), "bin", "trainyard.mjs"), ...words], {
      // A process group of its own: Ctrl-C reaches the starter, which then winds everything down in order.
      detached: true,
      env: environment,
      stdio: [detach ? "ignore" : "pipe", onLine === undefined ? "ignore" : "pipe", log],
    });
    closeSync(log); // the child has its own
    if (onLine !== undefined) createInterface({ input: this.#child.stdout as Readable }).on("line", onLine);
    // A child that has ended can't read its input any more; that must not end this process.
    this.#child.stdin?.on("error", () => undefined);
    this.ended = new Promise((done) => {
      this.#child.once("exit", (code, signal) => {
        this.#end = { code, signal };
      });
      // After its last line was read, which may come later than its exit.
      this.#child.once("close", (code, signal) => done({ code, signal }));
      this.#child.once("error", () => done({ code: null, signal: null })); // it could not be started
    });
  }

  /** Process number; undefined once the process has ended, because another may have the number by then. */
  get pid(): number | undefined {
    return this.#end === null ? this.#child.pid : undefined;
  }

  get isOver(): boolean {
    return this.#end !== null;
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.isOver) this.#child.kill(signal);
  }

  /** Closes standard input, which tells an attached process to leave. */
  closeInput(): void {
    this.#child.stdin?.end();
  }

  /** Stops waiting for the process, so that this one can end while the other goes on. */
  release(): void {
    this.#child.unref();
    (this.#child.stdout as (Readable & { unref?: () => void }) | null)?.unref?.();
  }

  /** The last message in the log, without time, level and stack. */
  lastMessage(): string {
    const lines = readFileSync(this.log, "utf8").trim().split("\n");
    return lines.map(sentenceOf).findLast((said) => said !== null) ?? `it logged nothing; see ${this.log}`;
  }
}

/** The message in a line of a log: a JSON line, an error of the program, or an uncaught one. Null for a stack and the like. */
function sentenceOf(line: string): string | null {
  const said = /^trainyard: (?!this is a bug)(.+)/.exec(line) ?? /^(?:Uncaught )?(\w*Error: .+)/.exec(line);
  if (said !== null || !line.startsWith("{")) return said?.[1] ?? null;
  try {
    return (JSON.parse(line) as { msg?: string }).msg ?? null;
  } catch {
    return null; // cut off in the middle
  }
}
