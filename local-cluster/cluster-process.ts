/**
 * One process of a local cluster: started from the program's own command line in a process group of its own, its
 * log in a file. Knows how it ended and what it said last; who starts it again is the cluster's business.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { spareLogDescriptor } from "../shared/log-file.js";
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
  /** The last line that this process showed because the log did not take it. */
  #lastShown = "";

  constructor(options: ProcessOptions) {
    const { name, words, logFolder, detach, environment, onLine } = options;
    this.name = name;
    this.log = join(logFolder, `${name}.log`);
    const log = this.#openLog();
    this.#child = spawn(process.execPath, [join(packageRoot(), "bin", "trainyard.mjs"), ...words], {
      // A process group of its own: Ctrl-C reaches the starter, which then winds everything down in order.
      detached: true,
      env: environment,
      stdio: [
        detach ? "ignore" : "pipe",
        onLine === undefined ? "ignore" : "pipe",
        log,
        detach ? "ignore" : "pipe",
      ],
    });
    if (log !== "inherit") closeSync(log); // the child has its own
    this.#showLinesWithoutLog();
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

  /** The log file, or this process' standard error where the disk takes no file. */
  #openLog(): number | "inherit" {
    try {
      mkdirSync(dirname(this.log), { recursive: true });
      return openSync(this.log, "a");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      process.stderr.write(`${this.log} can't be written (${code}); the log of ${this.name} follows here\n`);
      return "inherit";
    }
  }

  /** Lines that the log's disk does not take are shown here, at once. */
  #showLinesWithoutLog(): void {
    const lines = this.#child.stdio[spareLogDescriptor] as Readable | null | undefined;
    if (!lines) return;
    createInterface({ input: lines }).on("line", (line) => {
      if (sentenceOf(line) !== null) this.#lastShown = line;
      process.stderr.write(`${line}\n`);
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

  /** The lines of the log; none where its disk took no file or can't be read, or where the log is a device. */
  #logged(): string[] {
    try {
      if (!statSync(this.log).isFile()) return [];
      return readFileSync(this.log, "utf8").trim().split("\n");
    } catch {
      return [];
    }
  }

  /** The last message in the log, without time, level and stack. */
  lastMessage(): string {
    const lines = [...this.#logged(), this.#lastShown];
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
