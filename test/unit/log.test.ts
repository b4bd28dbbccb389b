import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createLogger, type LogOptions } from "../../shared/log.js";
import { logDestination } from "../../shared/log-file.js";

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

describe("a log file", () => {
  /** Writes two lines to a log. What is in `log` and in the spare one afterwards. */
  function written(log: string | null) {
    const folder = mkdtempSync(join(tmpdir(), "trainyard-log-"));
    const [file, spare] = [log ?? join(folder, "log"), join(folder, "spare")];
    const descriptors = [openSync(file, "a"), openSync(spare, "a")] as const;
    const destination = logDestination(...descriptors);
    for (const line of ["one\n", "two\n"]) destination.write(line);
    for (const descriptor of descriptors) closeSync(descriptor);
    const text = { log: log === null ? readFileSync(file, "utf8") : "", spare: readFileSync(spare, "utf8") };
    rmSync(folder, { recursive: true });
    return text;
  }

  it("takes the lines while its disk has room", () => {
    expect(written(null)).toEqual({ log: "one\ntwo\n", spare: "" });
  });

  it("hands every line over when its disk is full, the first one after the reason", () => {
    const reason = "trainyard: the log can't be written (ENOSPC), its lines follow here\n";
    expect(written("/dev/full").spare).toBe(`${reason}one\ntwo\n`);
  });
});
