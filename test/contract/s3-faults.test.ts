/** The S3 store over a network that loses answers, and against servers that do what they must not. */
import { createServer } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../shared/limits.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { openStore } from "../../shared/store/open.js";
import { S3Store } from "../../shared/store/s3.js";
import { readS3Credentials } from "../../shared/store/s3-credentials.js";
import { parseS3Url } from "../../shared/store/s3-location.js";
import { pattern } from "../support/bodies.js";
import { type Fault, type FaultyProxy, startFaultyProxy } from "../support/faulty-proxy.js";
import { type Minio, startMinio } from "../support/minio.js";

const errorXml = (code: string) =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>said so</Message></Error>`;

describe("an S3 store behind a faulty network", () => {
  let minio: Minio;
  let proxy: FaultyProxy;
  let store: ObjectStore;
  beforeAll(async () => {
    minio = await startMinio();
    proxy = await startFaultyProxy(minio.port);
    store = await openStore(`s3://127.0.0.1:${proxy.port}/faults`, { environment: minio.environment });
  });
  beforeEach(() => {
    proxy.decide = () => "pass";
  });
  afterAll(async () => {
    await proxy.close();
    await minio.stop();
  });

  /** The fault for the first request that matches, afterwards all pass. */
  const once = (fault: Fault, method: string, url: RegExp) => {
    let isDone = false;
    proxy.decide = (request) => {
      if (isDone || request.method !== method || !url.test(request.url ?? "")) return "pass";
      isDone = true;
      return fault;
    };
    return () => isDone;
  };

  test("a conditional put whose answer was lost is known to be ours", async () => {
    const wasLost = once("lose answer", "PUT", /mine/);
    await store.put("mine", Buffer.from("mine"), { ifNoneMatch: true });
    expect(wasLost()).toBe(true);
    expect(Buffer.from(await store.get("mine")).toString()).toBe("mine");
  });

  test("a conditional put whose request was lost, and that another won meanwhile, has failed", async () => {
    const direct = await openStore(minio.url("faults"), { environment: minio.environment });
    let theirs: Promise<void> | undefined;
    proxy.decide = (request) => {
      if (request.method !== "PUT" || theirs !== undefined) return "pass";
      theirs = direct.put("theirs", Buffer.from("theirs"));
      return "lose request";
    };
    await expect(store.put("theirs", Buffer.from("ours"), { ifNoneMatch: true })).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
    });
    await theirs;
    expect(Buffer.from(await store.get("theirs")).toString()).toBe("theirs");
  });

  test.each([true, false])(
    "an upload in parts whose completion was not heard of is whole (ifNoneMatch: %s)",
    async (ifNoneMatch) => {
      const body = pattern(limits.storeSinglePutBytes + 1);
      const wasLost = once("lose answer", "POST", /uploadId=/);
      await store.put(`large-${ifNoneMatch}`, body, { ifNoneMatch });
      expect(wasLost()).toBe(true);
      expect(Buffer.compare(await store.get(`large-${ifNoneMatch}`), body)).toBe(0);
    },
  );

  test("an upload in parts that another completed first has failed, even when both began before", async () => {
    const direct = await openStore(minio.url("faults"), { environment: minio.environment });
    const body = pattern(limits.storeSinglePutBytes + 1);
    let theirs: Promise<void> | undefined;
    async function* chunks() {
      yield body.subarray(0, limits.storePartBytes + 1);
      theirs = direct.put("raced", Buffer.from("theirs"));
      await theirs;
      yield body.subarray(limits.storePartBytes + 1);
    }
    await expect(
      store.put("raced", { bytes: body.length, chunks: chunks() }, { ifNoneMatch: true }),
    ).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    expect(Buffer.from(await store.get("raced")).toString()).toBe("theirs");
  });

  test("a busy server is asked again", async () => {
    let refusals = 3;
    proxy.decide = () => (refusals-- > 0 ? { status: 503, body: errorXml("SlowDown") } : "pass");
    await store.put("busy", Buffer.from("x"));
    refusals = 2;
    expect(await store.stat("busy")).toEqual({ key: "busy", bytes: 1 });
    refusals = 2;
    expect((await store.get("busy")).length).toBe(1);
  });

  test("a request that was under way for too long, as while a machine slept, is signed anew", async () => {
    let refusals = 2;
    proxy.decide = () => (refusals-- > 0 ? { status: 403, body: errorXml("RequestTimeTooSkewed") } : "pass");
    await store.put("slept", Buffer.from("x"));
    expect(refusals).toBe(-1);
  });

  test("a full server is said to be full, at once", async () => {
    let requests = 0;
    proxy.decide = () => {
      requests += 1;
      return { status: 507, body: errorXml("XMinioStorageFull") };
    };
    await expect(store.put("full", Buffer.from("x"))).rejects.toMatchObject({ code: "STORE_FULL" });
    expect(requests).toBe(1);
  });

  test("a server that is no S3 server is said to be none", async () => {
    proxy.decide = () => ({ status: 400, body: "Client sent an HTTP request to an HTTPS server." });
    await expect(
      openStore(`s3://127.0.0.1:${proxy.port}/faults`, { environment: minio.environment, waitMs: 200 }),
    ).rejects.toMatchObject({
      code: "STORE_UNREACHABLE",
      message: expect.stringMatching(/no S3 server answers .*s3\+https/),
    });
  });

  test("a listing that repeats its continuation token ends in an error, not never", async () => {
    const body =
      "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>" +
      "<Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>";
    proxy.decide = () => ({ status: 200, body });
    const listing = (async () => {
      for await (const _ of store.list(""));
    })();
    await expect(listing).rejects.toMatchObject({ message: expect.stringContaining("continuation token") });
  });

  test("a download whose connection breaks goes on from where it broke", async () => {
    const body = pattern(5 * 1024 * 1024);
    await store.put("cut", body);
    const ranges: unknown[] = [];
    proxy.decide = ({ headers }) => {
      ranges.push(headers.range);
      return ranges.length < 4 ? "cut answer" : "pass";
    };
    expect(Buffer.compare(await store.get("cut"), body)).toBe(0);
    expect(ranges).toHaveLength(4);
    expect(new Set(ranges).size).toBe(4);
  });

  test("an object that is replaced while it is read is not mixed with the new one", async () => {
    const direct = await openStore(minio.url("faults"), { environment: minio.environment });
    await store.put("mixed", pattern(5 * 1024 * 1024, 1));
    once("cut answer", "GET", /mixed/);
    const reading = (async () => {
      let isFirst = true;
      for await (const _ of store.stream("mixed")) {
        if (isFirst) await direct.put("mixed", pattern(5 * 1024 * 1024, 2));
        isFirst = false;
      }
    })();
    await expect(reading).rejects.toMatchObject({
      code: "DAMAGED",
      message: expect.stringContaining("replaced"),
    });
  });

  test("a server that ignores If-None-Match is refused", async () => {
    proxy.decide = ({ headers }) => (headers["if-none-match"] ? { status: 200, body: "" } : "pass");
    await expect(
      openStore(`s3://127.0.0.1:${proxy.port}/faults`, { environment: minio.environment }),
    ).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("If-None-Match") });
  });
});

test("clocks that differ: both times, the difference, and what to do, at once and whatever is asked", async () => {
  const aheadMs = 20 * 60_000;
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    response.sendDate = false;
    response.writeHead(403, { date: new Date(Date.now() + aheadMs).toUTCString() });
    response.end(request.method === "HEAD" ? undefined : errorXml("RequestTimeTooSkewed"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const environment = { TRAINYARD_S3_ACCESS_KEY: "user", TRAINYARD_S3_SECRET_KEY: "secret" };
  const credentials = readS3Credentials(environment);
  const location = parseS3Url(`s3://127.0.0.1:${port}/bucket`);
  const store = new S3Store(location, () => credentials, credentials.variables);
  const refusal = {
    code: "STORE_DENIED",
    message: expect.stringMatching(/T.* here, .*T.* there, (1199|1200|1201) s; synchronise clocks/),
  };
  try {
    await expect(store.open()).rejects.toMatchObject(refusal);
    await expect(store.put("key", Buffer.from("x"))).rejects.toMatchObject(refusal);
    await expect(store.stat("key")).rejects.toMatchObject(refusal);
    await expect(store.get("key")).rejects.toMatchObject(refusal);
    expect(requests).toBe(4);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
