/** bin/health.mjs, as an image's health check runs it: against http and https, what answers well and what doesn't. */
import { spawn } from "node:child_process";
import { Registry } from "prom-client";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { json, startMetricsServer } from "../../shared/http.js";
import { ServerSecurity } from "../../shared/security/server-security.js";
import { type CertificateFolders, makeCertificateFolders } from "../support/certificates.js";
import { freePort } from "../support/minio.js";
import { endOf } from "../support/program.js";

let certificates: CertificateFolders;
beforeAll(async () => {
  certificates = await makeCertificateFolders();
});
afterAll(() => certificates.remove());

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const health = (...words: string[]) => endOf(spawn(process.execPath, ["bin/health.mjs", ...words]));

async function serve(security: ServerSecurity): Promise<string> {
  const ready = {
    method: "GET",
    path: "/readyz",
    role: null,
    reply: () => json({ ready: false }, 503),
  } as const;
  const server = await startMetricsServer({
    registry: new Registry(),
    port: 0,
    security,
    extraRoutes: [ready],
  });
  closers.push(
    () => security.close(),
    () => server.close(),
  );
  return server.address.slice(server.address.lastIndexOf(":") + 1);
}

it.each([
  ["http", () => ServerSecurity.none()],
  ["https", () => ServerSecurity.open({ tls: certificates.of("coordinator") })],
])("over %s: 0 for what is well, 1 for what answers otherwise, without a token", async (_, security) => {
  const port = await serve(security());
  expect(await health("--port", port)).toMatchObject({ code: 0, stderr: "" });
  expect(await health("--port", port, "/readyz")).toMatchObject({
    code: 1,
    stderr: "not healthy: it answers 503\n",
  });
});

it("1 and a sentence where nothing listens, and for a command line that is none", async () => {
  const port = String(await freePort());
  expect(await health("--port", port)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("ECONNREFUSED"),
  });
  for (const words of [["--port", "x"], ["healthz"], ["/a", "/b"], ["--prot", port]])
    expect((await health(...words)).code).toBe(1);
});
