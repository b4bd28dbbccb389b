import { describe, expect, it } from "vitest";
import { createLogger, type LogOptions } from "../../shared/log.js";

function logged(
  options: Omit<LogOptions, "destination">,
  write: (logger: ReturnType<typeof createLogger>) => void,
) {
  const lines: string[] = [];
  write(createLogger({ ...options, destination: { write: (line) => void lines.push(line) } }));
  return lines;
}

describe("a log", () => {
  it("is one JSON object a line, with role, ids and an ISO time", () => {
    const fields = { run: "0123", generation: 2 };
    const lines = logged({ role: "coordinator", pretty: false, fields }, (logger) =>
      logger.child({ step: 7 }).info({ worker: 'w"1\n' }, "lost a worker"),
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trim().split("\n")).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? "");
    expect(line).toMatchObject({ level: "info", role: "coordinator", run: "0123", generation: 2, step: 7 });
    expect(line).toMatchObject({ worker: 'w"1\n', msg: "lost a worker" });
    expect(new Date(line.time).toISOString()).toBe(line.time);
  });

  it("is one readable line on a terminal", () => {
    const lines = logged({ role: "worker", pretty: true, fields: { worker: "w1" } }, (logger) =>
      logger.info({ step: 7, lanes: 2 }, "joined"),
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\] INFO: worker w1 step 7: joined \{"lanes":2\}\n$/);
  });

  it("leaves out what is below its level, and every secret", () => {
    const lines = logged({ role: "cli", pretty: false, level: "warn" }, (logger) => {
      logger.info("not this");
      logger.warn({ store: { secretKey: "hush" }, token: "hush" }, "this");
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain("hush");
  });
});
