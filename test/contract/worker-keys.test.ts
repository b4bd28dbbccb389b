/** What a worker's keys let it do in a real MinIO server: its own run and data set, and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runKey } from "../../shared/spec.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { openStore } from "../../shared/store/open.js";
import { openKeyIssuer, type WorkerKeys } from "../../shared/store/worker-keys.js";
import { type Minio, startMinio } from "../support/minio.js";

const signal = new AbortController().signal;
const bytes = new Uint8Array([1, 2, 3]);
/** Larger than one put, so that it goes up in parts. */
const large = new Uint8Array(17 * 1024 * 1024);
const access = { run: "mine", dataset: "cats" };

let minio: Minio;
let url: string;
let owner: ObjectStore;

beforeAll(async () => {
  minio = await startMinio();
  url = minio.url("bucket/a prefix");
  owner = await openStore(url, { environment: minio.environment });
  const keys = [
    "datasets/cats/manifest.json",
    "datasets/dogs/manifest.json",
    runKey("mine", "spec.json"),
    runKey("mine", "checkpoints/1-5/weights.bin"),
    runKey("mine-too", "spec.json"),
    "queue/1.json",
  ];
  for (const key of keys) await owner.put(key, bytes);
});
afterAll(() => minio.stop());

const issued = async (mayExport: boolean, environment = minio.environment): Promise<WorkerKeys> => {
  const issuer = openKeyIssuer(url, { kind: "session", environment });
  if (issuer === null) throw new Error("no issuer");
  return await issuer.issue({ ...access, mayExport }, signal);
};
const workerStore = async (keys: WorkerKeys): Promise<ObjectStore> =>
  await openStore(url, {
    purpose: "work",
    environment: {},
    credentials: () => ({ ...keys, variables: ["a", "b"] }),
  });

describe("a worker's keys", () => {
  let store: ObjectStore;
  let keys: WorkerKeys;
  beforeAll(async () => {
    keys = await issued(false);
    store = await workerStore(keys);
  });

  it("are valid for the time that was asked, fifteen minutes", () => {
    expect(keys.validSeconds).toBeGreaterThanOrEqual(898);
    expect(keys.validSeconds).toBeLessThanOrEqual(900);
    expect(keys.sessionToken).not.toBe("");
    expect(keys.secretKey).not.toBe(minio.environment.TRAINYARD_S3_SECRET_KEY);
  });

  it("read its data set and its run", async () => {
    for (const key of ["datasets/cats/manifest.json", runKey("mine", "spec.json")]) {
      expect([...(await store.get(key))]).toEqual([...bytes]);
    }
    expect(await store.stat(runKey("mine", "checkpoints/1-5/weights.bin"))).toMatchObject({ bytes: 3 });
  });

  it("show neither another run nor another data set nor the queue", async () => {
    await expect(store.get("datasets/dogs/manifest.json")).rejects.toMatchObject({ code: "STORE_DENIED" });
    await expect(store.get("queue/1.json")).rejects.toMatchObject({ code: "STORE_DENIED" });
    await expect(store.get(runKey("mine-too", "spec.json"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("list nothing", async () => {
    for (const prefix of ["", "runs/", runKey("mine", ""), "datasets/cats/"]) {
      const listing = async () => {
        for await (const _ of store.list(prefix)) break;
      };
      await expect(listing()).rejects.toMatchObject({ code: "STORE_DENIED" });
    }
  });

  it("write and delete nothing", async () => {
    const places = ["checkpoints/2-6/weights.bin", "export/model.json", "generations/2.json", "spec.json"];
    for (const place of places) {
      await expect(store.put(runKey("mine", place), bytes)).rejects.toMatchObject({ code: "STORE_DENIED" });
      await expect(store.delete(runKey("mine", "spec.json"))).rejects.toMatchObject({ code: "STORE_DENIED" });
    }
    expect(await owner.stat(runKey("mine", "export/model.json"))).toBeNull();
    expect(await owner.stat(runKey("mine", "spec.json"))).not.toBeNull();
  });

  it("count an object of the run that is not there as missing, whatever the store answers", async () => {
    expect(await store.stat(runKey("mine", "generations/7.json"))).toBeNull();
    await expect(store.get(runKey("mine", "generations/7.json"))).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });

  it("can't ask for further keys", async () => {
    const environment = {
      TRAINYARD_S3_ACCESS_KEY: keys.accessKey,
      TRAINYARD_S3_SECRET_KEY: keys.secretKey,
      TRAINYARD_S3_SESSION_TOKEN: keys.sessionToken,
    };
    await expect(issued(true, environment)).rejects.toMatchObject({ code: "STORE_DENIED" });
  });
});

describe("keys that come with an export", () => {
  it("write the run's export, large files too, and still no checkpoint", async () => {
    const store = await workerStore(await issued(true));
    for (const place of ["export/model.json", "published/3/export/model.json"]) {
      await store.put(runKey("mine", place), bytes, { ifNoneMatch: true });
      expect(await owner.stat(runKey("mine", place))).toMatchObject({ bytes: 3 });
    }
    await store.put(runKey("mine", "export/weights.bin"), large, { ifNoneMatch: true });
    expect(await owner.stat(runKey("mine", "export/weights.bin"))).toMatchObject({ bytes: large.length });
    for (const place of ["checkpoints/2-6/weights.bin", "result.json", "published/3/result.json"]) {
      await expect(store.put(runKey("mine", place), bytes)).rejects.toMatchObject({ code: "STORE_DENIED" });
    }
    const other = store.put(runKey("mine-too", "export/model.json"), bytes);
    await expect(other).rejects.toMatchObject({ code: "STORE_DENIED" });
  });
});

describe("an issuer", () => {
  it("says that the store is away, or gives no keys for these credentials", async () => {
    const wrong = { ...minio.environment, TRAINYARD_S3_SECRET_KEY: "x".repeat(40) };
    await expect(issued(false, wrong)).rejects.toMatchObject({ code: "STORE_DENIED" });
    const soon = AbortSignal.timeout(500);
    const away = openKeyIssuer("s3://127.0.0.1:1/bucket", {
      kind: "session",
      environment: minio.environment,
    });
    await expect(away?.issue({ ...access, mayExport: false }, soon)).rejects.toBeInstanceOf(Error);
  });

  it("hands on the coordinator's own keys only where that was asked for", async () => {
    const { environment } = minio;
    const handed = await openKeyIssuer(url, { kind: "static", environment })?.issue(
      { ...access, mayExport: false },
      signal,
    );
    expect(handed).toMatchObject({
      accessKey: environment.TRAINYARD_S3_ACCESS_KEY,
      secretKey: environment.TRAINYARD_S3_SECRET_KEY,
      validSeconds: 0,
    });
    expect(openKeyIssuer(url, { kind: "own", environment })).toBeNull();
    expect(openKeyIssuer("file:here", { kind: "session", environment })).toBeNull();
  });
});
