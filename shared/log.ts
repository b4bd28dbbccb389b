/**
 * Logs: JSON lines with role, worker, run, generation and step on standard error, or one readable line each on a
 * terminal. INFO tells the story of a run in under a page; what happens every step is DEBUG. Results never go
 * through a log: they are standard output's.
 */
import pino, { type Logger as PinoLogger } from "pino";
import pretty from "pino-pretty";
import { type LogDestination, logDestination, spareLogDescriptor } from "./log-file.js";

/** How much is logged. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
/** The kind of process that logs. */
export type Role = "coordinator" | "worker" | "reducer" | "cli" | "engine";

/** Add ids with `logger.child({ generation, step, run, worker })`; write `logger.info({ fields }, "sentence")`. */
export type Logger = PinoLogger;

/** Settings of a logger. */
export interface LogOptions {
  readonly role: Role;
  readonly level?: LogLevel;
  /** Default: when standard error is a terminal. */
  readonly pretty?: boolean;
  /** Fields on every line. */
  readonly fields?: { readonly worker?: string; readonly run?: string; readonly generation?: number };
  readonly destination?: LogDestination;
  /** This process was started by a local cluster, which shows lines that the log file does not take. */
  readonly isAttached?: boolean;
}

/** Keys whose values must never reach a log, wherever they lie. */
const secrets = ["secretKey", "accessKey", "token", "password"].flatMap((key) => [key, `*.${key}`]);

/** Creates a logger: JSON lines, or readable lines on a terminal. */
export function createLogger(options: LogOptions): Logger {
  const spare = options.isAttached === true ? spareLogDescriptor : null;
  const destination = options.destination ?? logDestination(process.stderr.fd, spare);
  const isPretty = options.pretty ?? process.stderr.isTTY === true;
  return pino(
    {
      level: options.level ?? "info",
      base: { role: options.role, ...options.fields },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secrets, censor: "[hidden]" },
    },
    isPretty ? readable(destination, options.destination === undefined) : destination,
  );
}

/** One line: time, level unless info, role and ids, the sentence, the remaining fields as key=value. */
function readable(destination: LogDestination, isColored: boolean): LogDestination {
  const format = pretty.prettyFactory({
    colorize: isColored && process.env.NO_COLOR === undefined,
    translateTime: "SYS:HH:MM:ss",
    ignore: "role,worker,run,generation,step",
    singleLine: true,
    messageFormat: (log, messageKey) => `${whoOf(log)}: ${String(log[messageKey] ?? "")}`,
  });
  return { write: (line) => void destination.write(format(line)) };
}

function whoOf(log: Record<string, unknown>): string {
  const parts = [String(log.role)];
  if (log.worker !== undefined) parts.push(String(log.worker));
  if (log.generation !== undefined) parts.push(`g${String(log.generation)}`);
  if (log.step !== undefined) parts.push(`step ${String(log.step)}`);
  return parts.join(" ");
}
