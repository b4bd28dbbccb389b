/** Engines in processes of their own, which compute while this one does. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { TrainyardError } from "../shared/errors.js";
import type { RunSpec } from "../shared/spec.js";
import type { FromEngineProcess, ToEngineProcess } from "./engine-process.js";
import type { Batches } from "./lane-times.js";

const program = fileURLToPath(new URL("./engine-process.js", import.meta.url));

export class EngineProcesses {
  readonly #children: ChildProcess[];

  /** Nothing is started for a count of 0. */
  constructor(count: number) {
    this.#children = Array.from({ length: count }, () =>
      fork(program, [], {
        serialization: "advanced",
        execArgv: [],
        stdio: ["ignore", "ignore", "ignore", "ipc"],
      }),
    );
  }

  /** Waits until all engines are ready. Errors: ENGINE, with the message of the first that failed. */
  async open(spec: RunSpec, batches: Batches): Promise<void> {
    await this.#all({ tag: "open", spec, batches });
  }

  /** Each computes lanes for a while; seconds of every call. Errors: ENGINE. */
  async laneTimes(): Promise<number[]> {
    const answers = await this.#all({ tag: "compute" });
    return answers.flatMap((answer) => (answer.tag === "computed" ? answer.times : []));
  }

  close(): void {
    for (const child of this.#children) child.kill("SIGKILL");
  }

  #all(message: ToEngineProcess): Promise<FromEngineProcess[]> {
    return Promise.all(this.#children.map((child) => answerOf(child, message)));
  }
}

function answerOf(child: ChildProcess, message: ToEngineProcess): Promise<FromEngineProcess> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new TrainyardError("ENGINE", `an engine beside this one: ${why}`));
    const ended = (code: number | null) => fail(`its process ended with code ${code}`);
    child.once("exit", ended);
    child.once("error", (error) => fail(error.message)); // it could not be started, or is gone
    child.once("message", (answer: FromEngineProcess) => {
      child.off("exit", ended);
      if (answer.tag === "failed") fail(answer.message);
      else resolve(answer);
    });
    child.send(message);
  });
}
