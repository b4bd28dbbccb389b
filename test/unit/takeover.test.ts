/** When a coordinator may take a run: not one that has finished, not one whose owner lives, wherever that is reached. */
import { hostname } from "node:os";
import { beforeEach, describe, expect, it } from "vitest";
import { recordEnd, takeNumber } from "../../coordinator/ownership/generation-record.js";
import {
  askOwner,
  findVacancy,
  type OwnerAnswer,
  type Vacancy,
} from "../../coordinator/ownership/takeover.js";
import { TrainyardError } from "../../shared/errors.js";
import { type GenerationRecord, generationKey } from "../../shared/generations.js";
import { limits } from "../../shared/limits.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryStore } from "../support/memory-store.js";
import { freePort } from "../support/minio.js";

const run = "faces";
const owner: GenerationRecord = {
  generation: 4,
  address: "far:7070",
  http: "far:7071",
  startedAt: "2026-01-01T00:00:00Z",
  renewals: 0,
  changes: { epochs: 9 },
};

let store: MemoryStore;
let clock: ManualClock;
let waits: string[];
let isAway: boolean;

beforeEach(async () => {
  [store, clock, waits, isAway] = [new MemoryStore(), new ManualClock(), [], false];
  const list = store.list.bind(store);
  store.list = (prefix, options) => {
    if (isAway) throw new TrainyardError("STORE_UNREACHABLE", "away");
    return list(prefix, options);
  };
  await takeNumber(store, run, owner);
});

const look = (answer: OwnerAnswer, signal?: AbortSignal) =>
  findVacancy({
    store,
    run,
    clock,
    onWaiting: (sentence) => waits.push(sentence),
    ask: async () => answer,
    ...(signal === undefined ? {} : { signal }),
  });

/** What became of it after so long, or that it still waits. */
async function outcomeAfter(
  ms: number,
  looking: Promise<Vacancy>,
): Promise<Vacancy | TrainyardError | "waits"> {
  let outcome: Vacancy | TrainyardError | "waits" = "waits";
  looking.then(
    (vacancy) => {
      outcome = vacancy;
    },
    (error: TrainyardError) => {
      outcome = error;
    },
  );
  await clock.pass(ms);
  return outcome;
}

const renew = async (renewals: number) => {
  const bytes = Buffer.from(JSON.stringify({ ...owner, renewals }));
  await store.put(generationKey(run, owner.generation), bytes);
};

describe("a run", () => {
  it("that nobody ever took is free", async () => {
    store.objects.clear();
    expect(await look("running")).toEqual({ last: 0, changes: {}, notes: [] });
  });

  it("whose owner answers is refused with its address", async () => {
    await expect(look("running")).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      exitCode: 2,
      message: expect.stringContaining("far:7070"),
    });
  });

  it.each(["ended", "gone"] as const)(
    "whose owner has %s is free at once, with what was changed",
    async (answer) => {
      expect(await look(answer)).toEqual({ last: 4, changes: { epochs: 9 }, notes: [] });
      expect(waits).toEqual([]);
    },
  );

  it("whose owner wrote down its end is free without asking", async () => {
    const status = {
      run,
      phase: "stopped",
      epoch: 0,
      epochs: 1,
      stepInEpoch: 0,
      stepsPerEpoch: 1,
      step: 0,
    } as const;
    const numbers = {
      steps: 1,
      loss: null,
      accuracy: null,
      imagesPerSecond: null,
      etaSeconds: 0,
      workers: [],
    };
    const end = { generation: 4, outcome: "stopped", reason: "asked", endedAt: "2026-01-01" } as const;
    await recordEnd(store, run, { ...end, status: { ...status, ...numbers } }, AbortSignal.timeout(1_000));
    expect(await look("running")).toMatchObject({ last: 4, notes: [] });
  });

  it("that was closed is refused for good", async () => {
    await takeNumber(store, run, { generation: 5, closes: 4, published: "", changes: {} });
    await expect(look("gone")).rejects.toMatchObject({ message: expect.stringContaining("has finished") });
  });

  it("whose owner is silent and does not renew for 15 seconds is taken over, which is said before and after", async () => {
    const looking = look("silent");
    expect(await outcomeAfter(limits.takeoverMs - 1_000, looking)).toBe("waits");
    expect(waits).toEqual([expect.stringMatching(/far:7070 .*does not answer.* for 15 s/)]);
    expect(await outcomeAfter(1_000, looking)).toMatchObject({
      last: 4,
      notes: [expect.stringMatching(/taken over from the coordinator at far:7070/)],
    });
  });

  it("whose owner is not reached but renews is refused as soon as that shows", async () => {
    const looking = look("silent");
    expect(await outcomeAfter(9_000, looking)).toBe("waits");
    await renew(1);
    expect(await outcomeAfter(limits.takeoverPollMs, looking)).toMatchObject({
      code: "ALREADY_EXISTS",
      message: expect.stringMatching(/far:7070.*renews its claim/),
    });
  });

  it("that is closed or taken while one waits is looked at anew", async () => {
    const looking = look("silent");
    expect(await outcomeAfter(5_000, looking)).toBe("waits");
    await takeNumber(store, run, { generation: 5, closes: 4, published: "", changes: {} });
    expect(await outcomeAfter(limits.takeoverPollMs, looking)).toMatchObject({ code: "ALREADY_EXISTS" });
  });

  it("is not taken because the store was away: nobody could renew then", async () => {
    const looking = look("silent");
    expect(await outcomeAfter(5_000, looking)).toBe("waits");
    isAway = true;
    expect(await outcomeAfter(60_000, looking)).toBe("waits");
    isAway = false;
    expect(await outcomeAfter(limits.takeoverMs - limits.takeoverPollMs, looking)).toBe("waits");
    expect(await outcomeAfter(2 * limits.takeoverPollMs, looking)).toMatchObject({ last: 4 });
  });

  it("is not taken because this very process stood still, and the owner with it", async () => {
    const looking = look("silent");
    expect(await outcomeAfter(2_000, looking)).toBe("waits");
    clock.skip(60_000);
    expect(await outcomeAfter(limits.takeoverMs - 5_000, looking)).toBe("waits");
    expect(await outcomeAfter(5_000, looking)).toMatchObject({ last: 4 });
  });

  it("is not waited for any longer once one is told to leave", async () => {
    const leave = new AbortController();
    const looking = look("silent", leave.signal);
    expect(await outcomeAfter(2_000, looking)).toBe("waits");
    leave.abort();
    expect(await outcomeAfter(0, looking)).toMatchObject({ code: "INTERRUPTED" });
  });

  it("whose record can't be read is free: the coordinator that wrote it does not answer", async () => {
    await store.put(generationKey(run, 5), Buffer.from("{"));
    expect(await look("running")).toMatchObject({ last: 5 });
  });
});

describe("a machine that refuses the connection, or a proxy for it,", () => {
  it("is believed after five seconds without a renewal, and not when the owner renews", async () => {
    const looking = look("refused");
    expect(await outcomeAfter(limits.takeoverRefusedMs - 1_000, looking)).toBe("waits");
    expect(await outcomeAfter(1_000, looking)).toMatchObject({
      last: 4,
      notes: [expect.stringMatching(/for 5 s/)],
    });
    const again = look("refused");
    expect(await outcomeAfter(limits.renewMs, again)).toBe("waits");
    await renew(1);
    expect(await outcomeAfter(limits.takeoverPollMs, again)).toMatchObject({ code: "ALREADY_EXISTS" });
  });
});

describe("an owner's address", () => {
  it("where nobody listens says that it is gone, unless it is the loopback of another machine", async () => {
    const http = `127.0.0.1:${await freePort()}`;
    expect(await askOwner({ ...owner, http, host: hostname() }, run)).toBe("gone");
    expect(await askOwner({ ...owner, http, host: "another-machine" }, run)).toBe("silent");
    const local = http.replace("127.0.0.1", "localhost");
    expect(await askOwner({ ...owner, http: local, host: hostname() }, run)).toBe("gone");
  });

  it("behind which a proxy may stand is not believed at once", async () => {
    const http = `127.0.0.1:${await freePort()}`;
    const refusing = (host: string) =>
      askOwner({ ...owner, http: http.replace("127.0.0.1", host), host: hostname() }, run);
    // All of 127.0.0.0/8 is this machine; 2130706433 is 127.0.0.1 too, but not written as any address of it.
    for (const own of ["127.1.2.3", "0.0.0.0", "localhost"]) expect(await refusing(own)).toBe("gone");
    expect(await refusing("2130706433")).toBe("refused");
  });

  it("of no machine at all says nothing", async () => {
    expect(await askOwner({ ...owner, http: "no-such-host.invalid:1" }, run)).toBe("silent");
  });
});
