/** A server that stops in the middle of a body is there: it must not be called away, and nobody is told to start it. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { S3Store } from "../../shared/store/s3.js";
import { parseS3Url } from "../../shared/store/s3-location.js";

vi.mock("../../shared/limits.js", async (original) => {
  const { limits } = await original<typeof import("../../shared/limits.js")>();
  return { limits: { ...limits, storeSilenceMs: 200, storeCallMs: 600 } };
});

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A store on a server that answers so. */
async function storeOn(listener: RequestListener): Promise<S3Store> {
  server = createServer(listener);
  await new Promise<void>((listening) => server?.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const variables = ["A", "B"] as const;
  const credentials = {
    accessKey: "a",
    secretKey: "b",
    sessionToken: undefined,
    region: "us-east-1",
    variables,
  };
  return new S3Store(parseS3Url(`s3://127.0.0.1:${port}/bucket`), () => credentials, variables);
}

test("a download that stops says how much came, and that the server answers", async () => {
  let isFirst = true;
  const store = await storeOn((_request, response) => {
    response.writeHead(isFirst ? 200 : 206, {
      "content-length": isFirst ? 1000 : 600,
      "content-range": isFirst ? "bytes 0-999/1000" : "bytes 400-999/1000",
      etag: '"e"',
    });
    if (isFirst) response.write(Buffer.alloc(400));
    else response.flushHeaders();
    isFirst = false;
  });
  const failed = store.get("large").catch((error: unknown) => error);
  await expect(failed).resolves.toMatchObject({ code: "STORE_UNREACHABLE" });
  const { message } = (await failed) as Error;
  expect(message).toMatch(
    /stopped in the middle of an answer: nothing more came for 0\.2 s, after 400 of 1000 bytes .*look at the network/,
  );
  expect(message).not.toContain("start the server");
});

test("an upload that the server stops taking says so", async () => {
  const store = await storeOn((request) => void request.pause());
  const failed = store.put("large", Buffer.alloc(8 * 1024 * 1024)).catch((error: unknown) => error);
  const { message } = (await failed) as Error;
  expect(message).toMatch(/stopped taking what is sent: \d+ bytes or more wait for 0\.2 s/);
  expect(message).not.toContain("start the server");
});

test("a server that never answers at all is called away", async () => {
  const store = await storeOn(() => undefined);
  const { message } = (await store.get("small").catch((error: unknown) => error)) as Error;
  expect(message).toMatch(/no answer at 127\.0\.0\.1:\d+; .*start the server/);
});
