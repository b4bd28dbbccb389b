/**
 * Standard error as the destination of a log. Where it is a file, as in a local cluster, its disk may be full: lines then
 * go to the process that started this one, so that they are on its standard error at once.
 */
import { fstatSync, writeSync } from "node:fs";
import { isatty } from "node:tty";

/** Anything that takes whole lines: process.stderr, a file, a test's buffer. */
export interface LogDestination {
  write(line: string): void;
}

/** The descriptor through which a process of a local cluster hands over log lines that its log file does not take. */
export const spareLogDescriptor = 3;

/**
 * Writes each line at once, so that the last line before a crash is there. A log that can't be written is no reason to
 * stop. `spare` gets the lines that a file does not take, the first one after the reason.
 */
export function logDestination(descriptor: number, spare: number | null): LogDestination {
  if (spare === null || !isFile(descriptor)) return { write: (line) => void process.stderr.write(line) };
  let isTold = false;
  return {
    write: (line) => {
      try {
        writeWhole(descriptor, line);
        isTold = false;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        const reason = isTold ? "" : `trainyard: the log can't be written (${code}), its lines follow here\n`;
        isTold = true;
        handOver(spare, reason + line);
      }
    },
  };
}

/** Pipes, sockets and terminals have no disk that fills up. */
function isFile(descriptor: number): boolean {
  const is = fstatSync(descriptor);
  return is.isFile() || (is.isCharacterDevice() && !isatty(descriptor));
}

/** Errors: those of the file system; a part of the line may be in the file then. */
function writeWhole(descriptor: number, line: string): void {
  const bytes = Buffer.from(line);
  for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
}

function handOver(spare: number, text: string): void {
  try {
    writeWhole(spare, text);
  } catch {
    // The starter is gone: nobody is left who could read the line.
  }
}
