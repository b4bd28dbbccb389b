/** Messages and log lines that a peer causes: a burst, then a pace; nothing is lost of messages, lines are counted. */
import { expect, it } from "vitest";
import { RateLimitedLog } from "../../shared/rate-limited-log.js";
import { TokenBucket, TokenBucketsByName } from "../../shared/token-bucket.js";
import { ManualClock } from "../support/manual-clock.js";

const limit = { perSecond: 10, burst: 3 };

it("a burst is taken at once, what follows at its pace, and after a silence a burst again", async () => {
  const clock = new ManualClock();
  const pace = new TokenBucket(clock, limit);
  const taken: number[] = [];
  void (async () => {
    for (let message = 0; message < 8; message += 1) {
      await pace.next();
      taken.push(clock.nowMs());
    }
  })();
  await clock.pass(1_000);
  expect(taken).toEqual([0, 0, 0, 100, 200, 300, 400, 500]);
  await clock.pass(10_000);
  for (let message = 0; message < 3; message += 1) await pace.next();
  expect(clock.nowMs()).toBe(11_000);
});

it("names have a pace each, and of too many the one that was quiet for longest is forgotten", async () => {
  const paces = new TokenBucketsByName(new ManualClock(), limit, 2);
  const [a, b] = [paces.of("a"), paces.of("b")];
  expect(paces.of("a")).toBe(a);
  paces.of("c");
  expect(paces.of("a")).toBe(a);
  expect(paces.of("b")).not.toBe(b);
});

it("lines of strangers are twenty a minute, and how many there were besides is told", async () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = new RateLimitedLog({ warn: (_: object, line: string) => lines.push(line) } as never, clock);
  for (let line = 0; line < 1_000; line += 1) log.warn({ peer: "p" }, `line ${line}`);
  expect(lines).toHaveLength(20);
  await clock.pass(60_000);
  log.warn({ peer: "p" }, "the next minute");
  expect(lines.slice(20)).toEqual(["980 more lines like the last ones were left out", "the next minute"]);
});
