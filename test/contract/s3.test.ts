/** The S3 store on a real MinIO: the contract, and what only a server can do to it. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { limits } from "../../shared/limits.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { openStore } from "../../shared/store/open.js";
import { pattern } from "../support/bodies.js";
import { freePort, type Minio, startMinio } from "../support/minio.js";
import { describeObjectStore } from "./object-store.contract.js";

describeObjectStore("S3 (MinIO)", async () => {
  const minio = await startMinio();
  const store = await openStore(minio.url("contract"), { environment: minio.environment });
  return { store, trace: () => minio.changedMs("contract"), close: minio.stop };
});

describe("the S3 store", () => {
  let minio: Minio;
  beforeAll(async () => {
    minio = await startMinio();
  });
  afterAll(() => minio.stop());
  const open = (place: string, options = {}) =>
    openStore(minio.url(place), { environment: minio.environment, ...options });
  const keysOf = async (store: ObjectStore) => {
    const keys: string[] = [];
    for await (const { key } of store.list("")) keys.push(key);
    return keys;
  };

  test("creates its bucket, also when several open it at once", async () => {
    const stores = await Promise.all(Array.from({ length: 8 }, () => open("created-once")));
    await stores[0]?.put("a", Buffer.from("x"));
    expect(await stores[7]?.stat("a")).toEqual({ key: "a", bytes: 1 });
  });

  test("creates no bucket when told so, and says that it is not there", async () => {
    for (const purpose of ["read", "write"]) {
      await expect(open("never-created", { purpose })).rejects.toMatchObject({
        code: "NOT_FOUND",
        message: expect.stringContaining(minio.url("never-created")),
      });
    }
  });

  test("leaves nothing of its own in the bucket after opening", async () => {
    expect(await keysOf(await open("untouched"))).toEqual([]);
  });

  test("sees nothing beyond its prefix", async () => {
    const whole = await open("shared");
    const one = await open("shared/team/one");
    const two = await open("shared/team/one two/");
    await one.put("x", Buffer.from("1"));
    await two.put("x", Buffer.from("2"));
    expect(await keysOf(one)).toEqual(["x"]);
    expect(await keysOf(two)).toEqual(["x"]);
    expect(await keysOf(whole)).toEqual(["team/one two/x", "team/one/x"]);
    await one.delete("x");
    expect(Buffer.from(await two.get("x")).toString()).toBe("2");
    await expect(one.put("k".repeat(200), Buffer.from("x"))).resolves.toBeUndefined();
  });

  test("names the variables to check when the credentials are wrong, at once", async () => {
    const onWaiting = vi.fn();
    for (const environment of [
      { ...minio.environment, TRAINYARD_S3_SECRET_KEY: "wrong-secret" },
      { AWS_ACCESS_KEY_ID: "nobody", AWS_SECRET_ACCESS_KEY: "wrong-secret" },
    ]) {
      await expect(openStore(minio.url("denied"), { environment, onWaiting })).rejects.toMatchObject({
        code: "STORE_DENIED",
        message: expect.stringContaining(Object.keys(environment).at(-1) as string),
      });
    }
    expect(onWaiting).not.toHaveBeenCalled();
  });

  test("says that nothing listens, where, and how to start it", async () => {
    const port = await freePort();
    const opening = openStore(`s3://127.0.0.1:${port}/bucket`, {
      environment: minio.environment,
      waitMs: 300,
    });
    await expect(opening).rejects.toMatchObject({
      code: "STORE_UNREACHABLE",
      message: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${port}.*minio server`)),
    });
  });

  test("says that a server does not speak TLS", async () => {
    const url = minio.url("bucket").replace("s3:", "s3+https:");
    await expect(openStore(url, { environment: minio.environment, waitMs: 300 })).rejects.toMatchObject({
      code: "STORE_UNREACHABLE",
      message: expect.stringContaining("s3+http://"),
    });
  });

  test("a bucket that was deleted in the middle is named", async () => {
    const store = await open("deleted-bucket");
    const { Client } = await import("minio");
    const client = new Client({
      endPoint: "127.0.0.1",
      port: minio.port,
      useSSL: false,
      accessKey: minio.environment.TRAINYARD_S3_ACCESS_KEY as string,
      secretKey: minio.environment.TRAINYARD_S3_SECRET_KEY as string,
    });
    await client.removeBucket("deleted-bucket");
    await expect(store.put("a", Buffer.from("x"))).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining('no bucket "deleted-bucket"'),
    });
    await store.open();
    await store.put("a", Buffer.from("x"));
  });

  test("clocks that differ too much: both times, the difference, and what to do", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 20 * 60_000 });
    try {
      const here = new Date().toISOString().slice(0, 16);
      await expect(open("skewed")).rejects.toMatchObject({
        code: "STORE_DENIED",
        message: expect.stringMatching(
          new RegExp(`${here}.* here, .* there, (1199|1200|1201) s; synchronise clocks`),
        ),
      });
    } finally {
      vi.useRealTimers();
    }
  });

  test("a failed upload leaves no parts behind", async () => {
    const store = await open("parts");
    async function* failing() {
      yield pattern(limits.storePartBytes * 2);
      throw new Error("the source broke");
    }
    const body = { bytes: limits.storePartBytes * 4, chunks: failing() };
    await expect(store.put("upload", body)).rejects.toThrow(/the source broke/);
    const { Client } = await import("minio");
    const client = new Client({
      endPoint: "127.0.0.1",
      port: minio.port,
      useSSL: false,
      accessKey: minio.environment.TRAINYARD_S3_ACCESS_KEY as string,
      secretKey: minio.environment.TRAINYARD_S3_SECRET_KEY as string,
    });
    expect((await client.listIncompleteUploadsQuery("parts", "upload", "", "", "")).uploads).toEqual([]);
  });
});

describe("an S3 store whose server comes and goes", () => {
  let minio: Minio;
  beforeAll(async () => {
    minio = await startMinio({ isStarted: false });
  });
  afterAll(() => minio.stop());
  let store: ObjectStore;

  test("is waited for, with a word about it", async () => {
    const told: string[] = [];
    const opening = openStore(minio.url("late"), {
      environment: minio.environment,
      onWaiting: (message) => told.push(message),
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await minio.restart();
    store = await opening;
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(`127.0.0.1:${minio.port}`);
  });

  test("a server killed and restarted in the middle of a download is asked for the rest", async () => {
    const body = pattern(40 * 1024 * 1024);
    await store.put("download", body);
    const seen: Uint8Array[] = [];
    let restarting: Promise<void> | undefined;
    for await (const chunk of store.stream("download")) {
      seen.push(chunk);
      if (restarting === undefined) {
        await minio.kill();
        restarting = minio.restart();
      }
    }
    await restarting;
    expect(Buffer.compare(Buffer.concat(seen), body)).toBe(0);
  });

  test("a server killed and restarted in the middle of an upload gets the whole object", async () => {
    const body = pattern(40 * 1024 * 1024, 3);
    let restarting: Promise<void> | undefined;
    async function* chunks() {
      for (let at = 0; at < body.length; at += 1024 * 1024) {
        if (at > limits.storePartBytes * 2 && restarting === undefined) {
          await minio.kill();
          restarting = minio.restart();
        }
        yield body.subarray(at, at + 1024 * 1024);
      }
    }
    await store.put("upload", { bytes: body.length, chunks: chunks() }, { ifNoneMatch: true });
    await restarting;
    expect(Buffer.compare(await store.get("upload"), body)).toBe(0);
  });

  test("a call that waits for it ends when it is interrupted, before its server is back", async () => {
    await minio.kill();
    const controller = new AbortController();
    const reading = store.get("upload", { signal: controller.signal });
    setTimeout(() => controller.abort(), 200);
    await expect(reading).rejects.toMatchObject({ code: "INTERRUPTED" });
    await minio.restart();
  });

  test("a call to a silent server ends when it is interrupted, before its server answers", async () => {
    minio.pause();
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 200);
    await expect(store.stat("upload", { signal: controller.signal })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    minio.resume();
  });
});
