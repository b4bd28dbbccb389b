/**
 * Node programs that a bench starts beside itself and that speak in messages. A bench that waits for one waits for its loss as
 * well: a child that ended says nothing more, and a bench that went on waiting would look like a slow one.
 */
import { type ChildProcess, fork } from "node:child_process";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

/** From its start on, so that it does not matter when somebody asks. */
const losses = new WeakMap<ChildProcess, Promise<never>>();

export function startChild(program: URL, words: readonly string[]): ChildProcess {
  const file = fileURLToPath(program);
  const child = fork(file, [...words], { execArgv: [] });
  const loss = new Promise<never>((_, reject) => {
    child.on("error", reject);
    // Not "exit": "close" comes after the last message.
    child.once("close", (code, signal) =>
      reject(new Error(`${basename(file)} ended with ${code ?? signal}`)),
    );
  });
  loss.catch(() => undefined); // one that nobody waits for is no failure: a bench ends its children itself
  losses.set(child, loss);
  return child;
}

/** Rejects when the child ends, with its program and code; never resolves. */
export function lossOf(child: ChildProcess): Promise<never> {
  const loss = losses.get(child);
  if (loss === undefined) throw new Error("invariant broken: a child that startChild did not start");
  return loss;
}

/** Its next message. Errors: its loss. */
export function answerOf<T>(child: ChildProcess): Promise<T> {
  const message = new Promise<T>((resolve) => child.once("message", (said) => resolve(said as T)));
  return Promise.race([message, lossOf(child)]);
}
