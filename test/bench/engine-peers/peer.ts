/**
 * A system under measurement: a process that times N of its own training steps when it is asked, so that the systems of
 * a bench take turns within one run.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";

export interface Peer {
  readonly name: string;
  /** Milliseconds of each of `calls` training steps. Throws when the process is gone. */
  time(calls: number): Promise<number[]>;
  close(): void;
}

/** Starts a process that follows the protocol of the scripts beside this file; resolves when it has warmed up. */
export async function startPeer(name: string, command: string, args: readonly string[]): Promise<Peer> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
  const end = endOf(child, name);
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([nextLine(lines), end]);
  console.error(`${name}: ${first} is ready`);
  return {
    name,
    time: async (calls) => {
      child.stdin.write(`${calls}\n`);
      return JSON.parse(await Promise.race([nextLine(lines), end])) as number[];
    },
    close: () => {
      end.catch(() => undefined);
      child.kill();
    },
  };
}

const nextLine = (lines: Interface) => new Promise<string>((resolve) => lines.once("line", resolve));

/** Rejects when the process ends, with the end of what it said. */
function endOf(child: ChildProcess, name: string): Promise<never> {
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  return new Promise((_, reject) => {
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`${name} ended with ${code}: ${said.trim()}`)));
  });
}
