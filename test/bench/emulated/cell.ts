/** Runs one cell: a coordinator's process, a fleet's process, and what the first used over some steps. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Cell, FromCoordinator, Usage } from "./protocol.js";

const program = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

export interface CellOptions {
  /** Steps before the first that counts. */
  readonly warmUp: number;
  readonly steps: number;
  /** What lies between the fleet and the coordinator; default: nothing. */
  readonly through?: (address: string) => Promise<{ readonly address: string; close(): void }>;
}

/** Errors: when either process ends before the steps are done, or they take longer than ten minutes. */
export async function runCell(cell: Cell, options: CellOptions): Promise<Usage> {
  const coordinator = fork(program("coordinator-process"), [JSON.stringify(cell)], { execArgv: [] });
  const heard = new Messages(coordinator);
  const children = [coordinator];
  let between: { close(): void } | undefined;
  try {
    const ready = await heard.until((message) => message.tag === "ready");
    if (ready.tag !== "ready") throw new Error("the coordinator did not start");
    const road = (await options.through?.(ready.address)) ?? {
      address: ready.address,
      close: () => undefined,
    };
    between = road;
    children.push(fork(program("fleet-process"), [JSON.stringify(cell), road.address], { execArgv: [] }));
    await heard.until((message) => message.tag === "step" && message.step >= options.warmUp);
    coordinator.send({ tag: "mark" });
    const last = options.warmUp + options.steps;
    await heard.until((message) => message.tag === "step" && message.step >= last);
    coordinator.send({ tag: "report" });
    const usage = await heard.until((message) => message.tag === "usage");
    if (usage.tag !== "usage") throw new Error("the coordinator did not report");
    return usage;
  } finally {
    between?.close();
    for (const child of children) child.kill("SIGKILL");
  }
}

class Messages {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  until(isWanted: (message: FromCoordinator) => boolean): Promise<FromCoordinator> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => settle(() => reject(new Error("a cell took ten minutes"))), 600_000);
      const settle = (settled: () => void) => {
        clearTimeout(late);
        this.#child.off("message", take);
        this.#child.off("exit", ended);
        settled();
      };
      const take = (message: FromCoordinator) => {
        if (isWanted(message)) settle(() => resolve(message));
      };
      const ended = (code: number | null) =>
        settle(() => reject(new Error(`the coordinator ended with ${code}`)));
      this.#child.on("message", take);
      this.#child.on("exit", ended);
    });
  }
}

/** Seconds per step of the same bytes through plain sockets. */
export async function plainTcp(workers: number, bytes: number, steps: number): Promise<number[]> {
  const file = program("plain-tcp");
  const sink = fork(file, ["sink", String(workers), String(bytes)], { execArgv: [] });
  try {
    const port = await new Promise<number>((resolve) =>
      sink.once("message", (port) => resolve(Number(port))),
    );
    const words = ["send", String(workers), String(bytes), String(port), String(steps)];
    const sender = fork(file, words, { execArgv: [] });
    return await new Promise((resolve, reject) => {
      sender.once("message", (times) => resolve(times as number[]));
      sender.once("error", reject);
    });
  } finally {
    sink.kill("SIGKILL");
  }
}
