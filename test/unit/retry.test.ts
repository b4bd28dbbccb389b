/** Repeating a call: until it works, only what may pass, within the deadline, interruptible at any point. */
import { describe, expect, test, vi } from "vitest";
import { TrainyardError } from "../../shared/errors.js";
import { delay, retry } from "../../shared/retry.js";

const options = { deadlineMs: 10_000, isRetryable: () => true, what: "the call" };

/** Runs `act` on a fake clock that jumps to each next timer. */
async function onFakeClock<T>(act: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const acting = act();
    acting.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(60_000);
    return await acting;
  } finally {
    vi.useRealTimers();
  }
}

describe("a retry", () => {
  test("repeats until it works", async () => {
    let calls = 0;
    const result = await onFakeClock(() =>
      retry(async () => {
        calls += 1;
        if (calls < 5) throw new Error("not yet");
        return calls;
      }, options),
    );
    expect(result).toBe(5);
  });

  test("does not repeat what will not pass", async () => {
    let calls = 0;
    const failing = retry(
      async () => {
        calls += 1;
        throw new Error("wrong password");
      },
      { ...options, isRetryable: () => false },
    );
    await expect(failing).rejects.toThrow("wrong password");
    expect(calls).toBe(1);
  });

  test("ends an attempt at the deadline, with the error of the attempt before", async () => {
    let calls = 0;
    const failing = onFakeClock(() =>
      retry(async (signal) => {
        calls += 1;
        if (calls === 1) throw new Error("stopped in the middle");
        return await new Promise<never>((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason)),
        );
      }, options),
    );
    await expect(failing).rejects.toThrow("stopped in the middle");
    expect(calls).toBe(2);
  });

  test("ends at the deadline with the last error, having paused longer and longer", async () => {
    const times: number[] = [];
    const failing = onFakeClock(() =>
      retry(async () => {
        times.push(performance.now());
        throw new Error(`attempt ${times.length}`);
      }, options),
    );
    await expect(failing).rejects.toThrow(/attempt \d+/);
    expect((times.at(-1) as number) - (times[0] as number)).toBeLessThanOrEqual(10_000);
    const pauses = times.slice(1).map((time, i) => time - (times[i] as number));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2_000);
    expect(pauses[0]).toBeLessThanOrEqual(100);
    expect(times.length).toBeGreaterThan(7);
    expect(times.length).toBeLessThan(20);
  });

  test("aborts an attempt that never ends at the deadline", async () => {
    const failing = retry(
      (signal) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
      { ...options, deadlineMs: 50 },
    );
    await expect(failing).rejects.toMatchObject({ name: "TimeoutError" });
  });

  test("is interrupted in its pause", async () => {
    const controller = new AbortController();
    const failing = retry(
      async () => {
        queueMicrotask(() => controller.abort());
        throw new Error("again");
      },
      { ...options, pauseMinMs: 5_000, signal: controller.signal },
    );
    await expect(failing).rejects.toMatchObject({ code: "INTERRUPTED", message: "the call was interrupted" });
  });

  test("ends with the reason of the abort where that is a sentence already", async () => {
    const reason = new TrainyardError("FAILED", "the coordinator is gone");
    await expect(retry(async () => 1, { ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    await expect(delay(1_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
