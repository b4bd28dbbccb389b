/**
 * A cluster that lets nobody in who is not known, as real processes: TLS on every port, workers by token and by
 * certificate, one of them sent away by revoking its token, certificates renewed and the coordinator killed meanwhile,
 * and at the end the weights of a run that nothing happened to.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askHttp, ClientSecurity, partsOf } from "../../shared/security/client-security.js";
import { TestCluster } from "../support/cluster.js";
import { freePort } from "../support/minio.js";
import { endOf, runProgram, scratch, succeed } from "../support/program.js";
import { hasLanes } from "../support/proxied-cluster.js";
import { finishedRun, ReferenceRun } from "../support/reference-run.js";

const place = scratch();
const options = { cwd: place.folder, store: `file:${place.folder}/store` };
const flags = ["--lanes", "4", "--batch-size", "32", "--epochs", "12", "--image-size", "32", "--seed", "5"];
const secured = ["--tls", "certs/coordinator", "--tokens", "tokens.json"];
const beyond = ["--host", "0.0.0.0", "--advertise", "127.0.0.1"];

const tokenOf = (role: string) => readFileSync(join(place.folder, `${role}.token`), "utf8").trim();
const by = (role: string) =>
  new ClientSecurity({ tls: join(place.folder, "certs", "ca"), token: () => tokenOf(role) });

let reference: ReferenceRun;

beforeAll(async () => {
  await succeed(["certs", "certs", "--name", "train-1"], options);
  await succeed(["certs", "strangers"], options);
  for (const role of ["worker", "viewer", "operator"])
    await succeed(["tokens", "create", "--role", role, "--out", `${role}.token`], options);
  reference = await ReferenceRun.ofFaces(flags, options);
}, 300_000);
afterAll(() => place.remove());

const mutual = ["--tls", "certs/worker"];
const byToken = ["--tls", "certs/ca", "--token-file", "worker.token"];

describe("a coordinator that is reached from everywhere", () => {
  it("does not start without TLS and identity, and says how to have both", async () => {
    const words = ["coordinator", "faces", "--run", "open", "--store", options.store, "--host", "0.0.0.0"];
    const { code, stderr } = await runProgram(words, options);
    expect(code).toBe(2);
    expect(stderr).toMatch(/trainyard certs.*trainyard tokens create.*--insecure/);
  });

  it("trains with known workers, whatever becomes of tokens, certificates and itself: no bit changes", async () => {
    const port = await freePort();
    const http = await freePort();
    const fixed = [...secured, ...beyond, "--http-port", String(http)];
    const cluster = await TestCluster.start(
      "faces",
      ["--run", "secured", ...flags, ...fixed, "--port", String(port), "--reducers", "2"],
      options,
    );
    try {
      cluster.security = by("viewer");
      expect(cluster.ready.http).toBe(`https://127.0.0.1:${http}`);
      await refuseStrangers(cluster.ready.address);
      await checkHttp(cluster.ready.http);

      cluster.worker("a", cluster.ready.address, byToken);
      cluster.worker("b", cluster.ready.address, mutual);
      await cluster.until("both", (status) => hasLanes(status, "a") && hasLanes(status, "b"));

      const former = await serialOf(cluster.ready.http);
      await succeed(["certs", "certs"], options);
      while ((await serialOf(cluster.ready.http)) === former)
        await new Promise((again) => setTimeout(again, 100));
      await succeed(["tokens", "revoke", tokenOf("worker")], options);
      const gone = await cluster.end("a");
      expect(gone.code).toBe(2);
      expect(gone.stderr).toMatch(/does not let this worker in: .*revoked or/);
      cluster.worker("c", cluster.ready.address, mutual);
      await cluster.until("the one that came later", (status) => hasLanes(status, "c"));

      await cluster.killCoordinator();
      await cluster.startAgain([...fixed, "--reducers", "2"]);
      await cluster.until("workers that found it again", (status) => hasLanes(status, "b"));
      expect(await cluster.coordinatorEnd).toMatchObject({ code: 0 });
      for (const id of ["b", "c"]) expect(await cluster.end(id)).toMatchObject({ code: 0 });
    } finally {
      await cluster.close();
    }
    reference.expectSame(await finishedRun("secured", options));
  }, 400_000);
});

/** Each leaves with the usage code and a sentence, but who meets a certificate that may yet be mended. */
async function refuseStrangers(address: string): Promise<void> {
  const refused = async (words: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const all = ["worker", "--coordinator", address, "--connect-timeout", "3", ...words];
    return await runProgram(all, { ...options, env });
  };
  const cases: [readonly string[], number, string, Readonly<Record<string, string>>?][] = [
    [[], 2, "speaks TLS: give --tls FOLDER"],
    [["--tls", "certs/ca"], 2, "does not let this worker in: this needs a token"],
    [["--tls", "certs/viewer"], 2, "the role worker, and trainyard viewer has the role viewer"],
    [["--tls", "certs/ca"], 2, "has the role operator", { TRAINYARD_TOKEN: tokenOf("operator") }],
    [["--tls", "strangers/worker"], 1, "is not accepted"],
  ];
  const ends = await Promise.all(cases.map(([words, , , env]) => refused(words, env)));
  cases.forEach(([words, code, sentence], index) => {
    expect([words, ends[index]]).toEqual([
      words,
      expect.objectContaining({ code, stderr: expect.stringContaining(sentence) }),
    ]);
  });
}

async function checkHttp(address: string): Promise<void> {
  const ask = async (path: string, security: ClientSecurity, method: "GET" | "POST" = "GET") => {
    const headers = { "x-trainyard": path.slice(1) };
    const signal = AbortSignal.timeout(20_000);
    return (await askHttp({ address, path, method, headers, security, signal })).status;
  };
  const nobody = new ClientSecurity({ tls: join(place.folder, "certs", "ca") });
  const viewer = new ClientSecurity({ tls: join(place.folder, "certs", "viewer") });
  for (const path of ["/healthz", "/alive"]) expect([path, await ask(path, nobody)]).toEqual([path, 200]);
  for (const path of ["/", "/status", "/curve", "/metrics"]) {
    const statuses = [await ask(path, nobody), await ask(path, by("worker")), await ask(path, viewer)];
    expect([path, ...statuses]).toEqual([path, 401, 403, 200]);
  }
  expect(await ask("/stop", viewer, "POST")).toBe(403);
  const health = [join(process.cwd(), "bin/health.mjs"), "--port", String(partsOf(address).port)];
  expect(await endOf(spawn(process.execPath, health))).toMatchObject({ code: 0 });
  const stop = ["runs", "stop", "secured", "--store", options.store, "--tls", "certs/ca"];
  const { code: stopCode, stderr } = await runProgram([...stop, "--token-file", "viewer.token"], options);
  expect([stopCode, stderr]).toEqual([2, expect.stringContaining("does not let you in")]);
}

function serialOf(address: string): Promise<string> {
  const { host, port } = partsOf(address);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.once("error", reject);
  });
}
