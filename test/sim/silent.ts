/** Loggers and metrics of simulated processes: lines go to the transcript, numbers nowhere. */
import type { Logger } from "../../shared/log.js";

export type Note = (line: string) => void;

/** `note`: takes one line; null = nobody listens. */
export function simLogger(note: Note): Logger {
  const at = (level: string) => (first: unknown, second?: string) => {
    const message = typeof first === "string" ? first : (second ?? "");
    note(level === "info" ? message : `${level}: ${message}`);
  };
  const logger = {
    debug: () => undefined,
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: () => logger,
  };
  return logger as unknown as Logger;
}

/** Takes every call and is every property, as metrics that nobody reads. `onRefused`: a message not accepted. */
export function simMetrics<Metrics extends object>(onRefused: (reason: string) => void): Metrics {
  const nothing: object = new Proxy(() => nothing, { get: () => nothing, apply: () => nothing });
  const messagesRefused = { inc: ({ reason }: { reason: string }) => onRefused(reason) };
  return new Proxy({} as Metrics, {
    get: (_, name) => (name === "messagesRefused" ? messagesRefused : nothing),
  });
}
