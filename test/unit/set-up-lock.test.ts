/** The lock of a set-up belongs to its holder: a process that slept through its time removes no other's lock. */
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { withLock } from "../../engine/native/setup/lock-file.mjs";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trainyard-lock-"));
  path = join(folder, "cache", "set-up.lock");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Holds the lock until it is let go. */
async function hold() {
  let letGo: () => void = () => undefined;
  let isHeld: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    isHeld = resolve;
  });
  const over = withLock(
    path,
    () => undefined,
    () => {
      isHeld();
      return new Promise<void>((resolve) => {
        letGo = resolve;
      });
    },
  );
  await held;
  return async () => {
    letGo();
    await over;
  };
}

it("is gone after the work", async () => {
  const letGo = await hold();
  expect(existsSync(path)).toBe(true);
  await letGo();
  expect(readdirSync(join(folder, "cache"))).toEqual([]);
});

it("that another set-up took over is not removed by its former holder", async () => {
  const letFormerGo = await hold();
  const longAgo = new Date(Date.now() - 3_600_000);
  utimesSync(path, longAgo, longAgo);
  const letLaterGo = await hold();
  await letFormerGo();
  expect(existsSync(path)).toBe(true);
  await letLaterGo();
  expect(readdirSync(join(folder, "cache"))).toEqual([]);
});
