/**
 * Coordinator and worker take their time from an injected Clock (shared/clock.ts): the simulator runs the same code on a
 * clock of its own. A bare timer or a look at the wall clock would run in real time there.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

/** Folders and files whose code has no clock of its own. */
const rooms = [
  "coordinator",
  "worker",
  "cli/progress.ts",
  "cli/coordinator-runs.ts",
  "shared/connection-limiter.ts",
];

/** What reads a clock or starts a timer without being given one. */
const bare =
  /\bnew Date\(\)|\bDate\.now\(|\bperformance\.now\(|\bset(?:Timeout|Interval)\(|\bAbortSignal\.timeout\(|\bprocess\.hrtime|timers\/promises/;

const sourcesOf = (room: string): string[] =>
  room.endsWith(".ts")
    ? [room]
    : readdirSync(room, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".ts"))
        .map((name) => join(room, name));

/** Lines of code that take real time, as `file:line: text`. Comments may name a timer. */
function bareClocksIn(file: string, text: string): string[] {
  return text
    .split("\n")
    .map((line, at) => ({ line: line.trim(), at: at + 1 }))
    .filter(({ line }) => bare.test(line) && !/^(?:\*|\/\*|\/\/)/.test(line))
    .map(({ line, at }) => `${file}:${at}: ${line}`);
}

describe.each(rooms)("%s", (room) => {
  it("takes its time from an injected clock", () => {
    const sources = sourcesOf(room);
    expect(sources.length).toBeGreaterThan(0);
    expect(sources.flatMap((file) => bareClocksIn(file, readFileSync(file, "utf8")))).toEqual([]);
  });
});

it("a bare timer or a wall clock would be found", () => {
  const taken = [
    "const timer = setTimeout(done, 5);",
    "const at = new Date().toISOString();",
    'import { setTimeout as sleep } from "node:timers/promises";',
    "await put(AbortSignal.timeout(10));",
    "const end = Date.now() + 5; // ms",
  ];
  expect(taken.filter((line) => bareClocksIn("x.ts", line).length === 0)).toEqual([]);
  const fine = ["/** Like setTimeout(). */", "clock.after(5, done);", "new Date(ms)", "socket.setTimeout"];
  expect(fine.filter((line) => bareClocksIn("x.ts", line).length > 0)).toEqual([]);
});
