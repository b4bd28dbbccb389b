/** Store keys on their way from the coordinator to a worker: renewed in time, kept from those who need none, and ended. */
import { beforeEach, describe, expect, it } from "vitest";
import { RunKeys } from "../../coordinator/run-keys.js";
import { type JoinCall, WorkerStreams } from "../../coordinator/worker-streams.js";
import { TrainyardError } from "../../shared/errors.js";
import { limits } from "../../shared/limits.js";
import { createLogger } from "../../shared/log.js";
import { type KeyIssuer, openKeyIssuer, type WorkerKeys } from "../../shared/store/worker-keys.js";
import type { WorkerAccess } from "../../shared/store/worker-policy.js";
import { workerPolicy } from "../../shared/store/worker-policy.js";
import { ReceivedKeys } from "../../worker/received-keys.js";
import { helloOf } from "../support/hello.js";
import { ManualClock } from "../support/manual-clock.js";

const keysOf = (accessKey: string, validSeconds: number = limits.workerKeysSeconds): WorkerKeys => ({
  accessKey,
  secretKey: "s",
  sessionToken: "t",
  region: "us-east-1",
  validSeconds,
});
const logger = createLogger({ role: "coordinator", level: "silent" });

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
});

describe("a run's keys", () => {
  let asked: WorkerAccess[];
  let failure: TrainyardError | null;
  let renewed: number;
  let keys: RunKeys;
  beforeEach(() => {
    [asked, failure, renewed] = [[], null, 0];
    const issuer: KeyIssuer = {
      kind: "session",
      issue: async (access) => {
        asked.push(access);
        if (failure !== null) throw failure;
        return keysOf(`k${asked.length}`);
      },
    };
    keys = new RunKeys({ issuer, run: "r", dataset: "d", clock, logger });
  });
  const begin = () =>
    keys.begin(() => {
      renewed += 1;
    });

  it("are renewed after a third of their time, and say how much of it is left", async () => {
    await begin();
    expect([keys.isOffered, keys.current]).toEqual([true, keysOf("k1")]);
    await clock.pass(200_000);
    expect(keys.current).toEqual(keysOf("k1", 700));
    await clock.pass(100_001);
    expect([asked.length, renewed]).toEqual([2, 2]);
    expect(keys.current?.accessKey).toBe("k2");
    keys.close();
    await clock.pass(2_000_000);
    expect(asked.length).toBe(2);
  });

  it("never write unless they are for an export", async () => {
    await begin();
    await keys.forExport();
    expect(asked).toEqual([
      { run: "r", dataset: "d", mayExport: false },
      { run: "r", dataset: "d", mayExport: true },
    ]);
  });

  it("are asked for again while the store is away, and are worth nothing once they have expired", async () => {
    await begin();
    failure = new TrainyardError("STORE_UNREACHABLE", "away");
    await clock.pass(limits.workerKeysSeconds * 1000 + 1);
    expect(keys.current).toBeNull();
    failure = null;
    await clock.pass(limits.storeRetryMs + 1);
    expect(keys.current).not.toBeNull();
  });

  it("are not offered where the store makes none: workers use their own", async () => {
    failure = new TrainyardError("STORE_DENIED", "no STS");
    await begin();
    expect([keys.isOffered, keys.current]).toEqual([false, null]);
    await clock.pass(1_000_000);
    expect(asked.length).toBe(1);
  });
});

describe("a worker's keys", () => {
  it("hold for their time from their arrival, and are never used after it", async () => {
    const received = new ReceivedKeys(clock);
    expect([received.areGiven, received.haveExpired]).toEqual([false, false]);
    const waiting = received.untilGiven(new AbortController().signal);
    received.take(keysOf("k1", 60));
    await waiting;
    expect(received.credentials()).toMatchObject({ accessKey: "k1", sessionToken: "t" });
    await clock.pass(60_000);
    expect(received.haveExpired).toBe(true);
    expect(() => received.credentials()).toThrow("have expired");
    received.take(keysOf("k2", 60));
    expect(received.credentials().accessKey).toBe("k2");
  });

  it("are those of the export only while it is written", async () => {
    const received = new ReceivedKeys(clock);
    received.take(keysOf("reading"));
    const during = await received.exporting(keysOf("writing"), async () => {
      received.take(keysOf("renewed"));
      return received.credentials().accessKey;
    });
    expect([during, received.credentials().accessKey]).toEqual(["writing", "renewed"]);
  });

  it("end a wait for the first ones when the worker is told to end", async () => {
    const ending = new AbortController();
    const waiting = new ReceivedKeys(clock).untilGiven(ending.signal);
    ending.abort();
    await expect(waiting).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

it("a worker with a store setting of its own is sent no keys", () => {
  const written: unknown[] = [];
  const call = { write: (message: unknown) => written.push(message), end: () => undefined };
  const streams = new WorkerStreams({
    run: "r",
    generation: 1,
    onEvent: () => undefined,
    onDropped: () => undefined,
  });
  const peer = { role: "worker", name: "w", key: "k" } as const;
  const sent = (ownStore: boolean) => {
    written.length = 0;
    streams.greet(call as unknown as JoinCall, peer, { ...helloOf("w"), ownStore });
    streams.send("w", { kind: "welcome", specJson: "{}", store: "s3://h/b", keysFollow: true });
    streams.send("w", { kind: "storeKeys", ...keysOf("secret") });
    streams.send("w", { kind: "export", checkpoint: "1-1", share: 0, keys: keysOf("secret") });
    return JSON.stringify(written);
  };
  expect(sent(false)).toContain("secret");
  expect(sent(false)).toContain('"keysFollow":true');
  expect(sent(true)).not.toContain("secret");
  expect(sent(true)).toContain('"keysFollow":false');
});

it("a policy names one run, one data set and one export, whatever the store's prefix", () => {
  const location = { bucket: "b", prefix: "a/", url: "s3://h/b/a" };
  const { Statement: statements } = JSON.parse(
    workerPolicy(location, { run: "r", dataset: "d", mayExport: true }),
  ) as { Statement: unknown };
  expect(statements).toEqual([
    {
      Effect: "Allow",
      Action: ["s3:GetObject"],
      Resource: ["arn:aws:s3:::b/a/datasets/d/*", "arn:aws:s3:::b/a/runs/r/*"],
    },
    {
      Effect: "Allow",
      Action: ["s3:PutObject", "s3:AbortMultipartUpload"],
      Resource: ["arn:aws:s3:::b/a/runs/r/export/*", "arn:aws:s3:::b/a/runs/r/published/*/export/*"],
    },
  ]);
  const wild = { ...location, prefix: "a*/" };
  expect(() => workerPolicy(wild, { run: "r", dataset: "d", mayExport: false })).toThrow("can't name");
});

it("no issuer is opened for a store without keys, or where workers have their own", () => {
  const environment = { TRAINYARD_S3_ACCESS_KEY: "a", TRAINYARD_S3_SECRET_KEY: "b" };
  expect(openKeyIssuer("file:x", { kind: "session", environment: {} })).toBeNull();
  expect(openKeyIssuer("s3://h:9000/bucket", { kind: "own", environment: {} })).toBeNull();
  expect(openKeyIssuer("s3://h:9000/bucket", { kind: "session", environment })?.kind).toBe("session");
});
