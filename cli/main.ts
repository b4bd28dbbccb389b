/** The program: runs the command line and exits. What the commands are is in commands.ts, how they run in frame.ts. */
import { commands } from "./commands.js";
import { runCommandLine } from "./frame.js";

/** A reader that went away (`trainyard … | head`) is no error of ours. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    // A run goes on when its log can't be written; a result that can't be written is an error.
    if (stream === process.stdout) throw error;
  });
}

const exitCode = await runCommandLine(process.argv.slice(2), commands);
// What was written goes out first; then nothing left open (a socket, TensorFlow's threads) may hold the process.
await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
process.exit(exitCode);
