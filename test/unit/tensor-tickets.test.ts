/** The tensor plane admits a stream that shows the ticket of a present worker, over TLS where that is set. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { issueTicket } from "../../coordinator/reducers/tickets.js";
import { crc32c } from "../../shared/crc32c.js";
import { TensorConnection } from "../../shared/grpc/tensor-client.js";
import { ClientSecurity } from "../../shared/security/client-security.js";
import { readServerFiles } from "../../shared/security/tls-files.js";
import { PartialSender } from "../../worker/gradient-upload.js";
import { WeightsReceiver } from "../../worker/weights-receiver.js";
import { type CertificateFolders, makeCertificateFolders } from "../support/certificates.js";
import { identity, SliceCluster } from "../support/slice-cluster.js";

const count = 9_000;
const vector = (value: number) => new Float32Array(count).fill(value);
const at = { step: 0, attempt: 0 };
const root = { begin: 0, end: identity.lanes };
const secret = new Uint8Array(32).fill(7);
const { run, generation } = identity;
const ticketOf = (worker: string, admission: number, change: object = {}) =>
  issueTicket({ run, generation, secret, ...change }, worker, admission);

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

async function start(tls = false): Promise<SliceCluster> {
  const guard = { ticketSecret: secret, tls: tls ? readServerFiles(certificates.of("coordinator")) : null };
  const cluster = await SliceCluster.start(count, 2, 0, "float32", guard);
  closers.push(() => cluster.close());
  cluster.load(vector(0));
  cluster.begin(0);
  for (const { tensors } of cluster.slices) tensors.admit(1);
  return cluster;
}

/** The worker was asked for every lane. */
function grant(cluster: SliceCluster, worker: string): void {
  for (const { tensors } of cluster.slices)
    tensors.grant(worker, { kind: "GRADIENT", ...at, lanes: [0, 1, 2, 3] });
}

/** A worker's two ends, and what broke them. */
function workerOf(cluster: SliceCluster, worker: string, ticket: string, change: object = {}) {
  const broken: string[] = [];
  const options = {
    host: "127.0.0.1",
    run,
    generation,
    slices: cluster.endpoints,
    worker,
    ticket,
    onBytes: () => undefined,
    onBroken: (error: Error) => void broken.push(error.message),
    ...change,
  };
  const [partials, weights] = [new PartialSender(options), new WeightsReceiver(options)];
  closers.push(
    () => partials.close(),
    () => weights.close(),
  );
  return { partials, weights, broken };
}

let certificates: CertificateFolders;
beforeAll(async () => {
  certificates = await makeCertificateFolders();
});
afterAll(() => certificates.remove());

describe("a worker with a ticket", () => {
  it("sends partials and gets weights, whatever its name is made of", async () => {
    const cluster = await start();
    for (const { tensors } of cluster.slices) tensors.admit(2);
    const name = "wörker 1/ä%\u{1f600}";
    const { partials, weights } = workerOf(cluster, name, ticketOf(name, 2));
    expect((await weights.at(0)).step).toBe(0);
    grant(cluster, name);
    await partials.send(at, root, vector(1));
    expect(cluster.first.whole).toEqual([0]);
  });

  it("may be faster than the news of its admission", async () => {
    const cluster = await start();
    const { weights } = workerOf(cluster, "w", ticketOf("w", 2));
    expect((await weights.at(0)).step).toBe(0);
  });

  it("that has left is cut off, and does not come in again; the others' streams go on", async () => {
    const cluster = await start();
    for (const { tensors } of cluster.slices) tensors.admit(2);
    const gone = workerOf(cluster, "gone", ticketOf("gone", 1));
    const stays = workerOf(cluster, "stays", ticketOf("stays", 2));
    await Promise.all([gone.weights.at(0), stays.weights.at(0)]);
    for (const { tensors } of cluster.slices) tensors.dismiss(1);
    await expect(gone.weights.at(1)).rejects.toThrow("the worker gone has left");
    await expect(gone.partials.send(at, root, vector(9))).rejects.toThrow("the worker gone has left");
    const again = workerOf(cluster, "gone", ticketOf("gone", 1));
    await expect(again.weights.at(0)).rejects.toThrow("UNAUTHENTICATED: the worker gone has left");
    grant(cluster, "stays");
    await stays.partials.send(at, root, vector(1));
    expect(cluster.first.whole).toEqual([0]);
    expect(stays.broken).toEqual([]);
  });
});

describe("nobody comes in", () => {
  it.each<[string, string, string]>([
    ["without a ticket", "w", ""],
    ["with what is none", "w", "1.x.y"],
    ["with another worker's", "w", ticketOf("another", 1)],
    ["with one of another run", "w", ticketOf("w", 1, { run: "another" })],
    ["with one of another generation", "w", ticketOf("w", 1, { generation: generation - 1 })],
    ["with one of another coordinator's life", "w", ticketOf("w", 1, { secret: new Uint8Array(32) })],
    ["with another admission's seal", "w", `2${ticketOf("w", 1).slice(1)}`],
  ])("%s", async (_, worker, ticket) => {
    const cluster = await start();
    const { partials, weights } = workerOf(cluster, worker, ticket);
    await expect(weights.at(0)).rejects.toThrow("UNAUTHENTICATED: this stream has no ticket");
    await expect(partials.send(at, root, vector(1))).rejects.toThrow("this stream has no ticket");
    expect(cluster.first.whole).toEqual([]);
  });

  it("in another worker's name: the partial is not taken, and the stream ends", async () => {
    const cluster = await start();
    const connection = new TensorConnection(`127.0.0.1:${cluster.endpoints[0]?.port}`, {
      tls: null,
      worker: "w",
      ticket: ticketOf("w", 1),
    });
    closers.push(() => connection.close());
    const upload = connection.upload();
    grant(cluster, "victim");
    const data = Buffer.alloc(4 * cluster.first.slice.length);
    const node = { beginLane: root.begin, endLane: root.end };
    const chunk = {
      run,
      generation,
      ...at,
      slice: 0,
      ...node,
      kind: "GRADIENT",
      offset: 0,
      crc32c: crc32c(data),
    };
    await upload.send({ ...chunk, worker: "victim" }, data);
    const answers = async () => {
      for await (const _ of upload.messages()) throw new Error("it was answered");
    };
    await expect(answers()).rejects.toThrow("a partial of victim on a stream of w");
    expect(cluster.first.whole).toEqual([]);
  });
});

describe("over TLS", () => {
  it("weights and partials pass for a worker that verifies the certificate", async () => {
    const cluster = await start(true);
    const security = new ClientSecurity({ tls: certificates.of("worker") });
    const { partials, weights } = workerOf(cluster, "w", ticketOf("w", 1), { security });
    expect((await weights.at(0)).step).toBe(0);
    grant(cluster, "w");
    await partials.send(at, root, vector(1));
    expect(cluster.first.whole).toEqual([0]);
  });

  it("nothing passes for another CA's worker, or in plain text, and the streams say so at once", async () => {
    const cluster = await start(true);
    const strangers = await makeCertificateFolders();
    closers.push(() => strangers.remove());
    const security = new ClientSecurity({ tls: strangers.of("worker") });
    for (const change of [{ security }, {}]) {
      const { weights } = workerOf(cluster, "w", ticketOf("w", 1), change);
      await expect(weights.at(0)).rejects.toMatchObject({ code: "UNREACHABLE" });
    }
  });

  it("a renewed certificate is met by new connections, and the old ones go on", async () => {
    const cluster = await start(true);
    const security = new ClientSecurity({ tls: certificates.of("worker") });
    const before = workerOf(cluster, "w", ticketOf("w", 1), { security });
    await before.weights.at(0);
    const others = await makeCertificateFolders();
    closers.push(() => others.remove());
    for (const { server } of cluster.slices) server.renew(readServerFiles(others.of("coordinator")));
    const believers = { security: new ClientSecurity({ tls: others.of("worker") }) };
    expect((await workerOf(cluster, "w", ticketOf("w", 1), believers).weights.at(0)).step).toBe(0);
    grant(cluster, "w");
    await before.partials.send(at, root, vector(1));
    expect(cluster.first.whole).toEqual([0]);
  });
});
