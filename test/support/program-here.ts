/** A command line run within this process: quick, for commands that start nothing. */
import { commands } from "../../cli/commands.js";
import { runCommandLine } from "../../cli/frame.js";
import type { Ended } from "./program.js";

type Write = typeof process.stdout.write;

/** What it wrote is caught; one at a time. */
export async function runProgramHere(words: readonly string[]): Promise<Ended> {
  const output = { stdout: "", stderr: "" };
  const streams = [
    { stream: process.stdout, name: "stdout" },
    { stream: process.stderr, name: "stderr" },
  ] as const;
  const former = streams.map(({ stream }) => stream.write);
  for (const { stream, name } of streams) {
    stream.write = ((text: string) => {
      output[name] += text;
      return true;
    }) as Write;
  }
  try {
    process.exitCode = undefined;
    const code = await runCommandLine(words, commands);
    return { code, ...output };
  } finally {
    process.exitCode = undefined;
    streams.forEach(({ stream }, index) => {
      stream.write = former[index] as Write;
    });
  }
}
