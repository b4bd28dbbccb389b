/** The control port and HTTP with TLS and identity: who gets in, by what, and who hears which sentence. */
import { mkdtempSync, rmSync } from "node:fs";
import { get } from "node:https";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { Registry } from "prom-client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ControlServer } from "../../coordinator/control-server.js";
import type { CoreEvent } from "../../coordinator/core/events.js";
import { askOwner } from "../../coordinator/ownership/takeover.js";
import { json, type MetricsServer, startMetricsServer } from "../../shared/http.js";
import { askHttp, ClientSecurity } from "../../shared/security/client-security.js";
import { findConnectionFault } from "../../shared/security/connection-fault.js";
import type { Role } from "../../shared/security/roles.js";
import { roles } from "../../shared/security/roles.js";
import { ServerSecurity } from "../../shared/security/server-security.js";
import { writeTokenFile } from "../../shared/security/token-file.js";
import { drawToken, type TokenEntry } from "../../shared/security/tokens.js";
import { GrpcControlStream } from "../../worker/control-stream.js";
import { type CertificateFolders, makeCertificateFolders } from "../support/certificates.js";
import { helloOf } from "../support/hello.js";

const folder = mkdtempSync(join(tmpdir(), "trainyard-ports-"));
const file = join(folder, "tokens.json");
let certificates: CertificateFolders;
let strangers: CertificateFolders;
let drawn: Record<Role, { token: string; entry: TokenEntry }>;
let security: ServerSecurity;

beforeAll(async () => {
  [certificates, strangers] = await Promise.all([makeCertificateFolders(), makeCertificateFolders()]);
});
afterAll(() => {
  certificates.remove();
  strangers.remove();
  rmSync(folder, { recursive: true });
});

const closers: (() => void | Promise<void>)[] = [];
beforeEach(() => {
  const draw = (role: Role) => drawToken({ role, name: `a ${role}` }, []);
  drawn = { worker: draw("worker"), viewer: draw("viewer"), operator: draw("operator") };
  writeTokenFile(
    file,
    roles.map((role) => drawn[role].entry),
  );
  security = ServerSecurity.open({ tls: certificates.of("coordinator"), tokens: file });
  closers.push(() => security.close());
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const withToken = (role: Role, tls = join(certificates.folder, "ca")) =>
  new ClientSecurity({ tls, token: () => drawn[role].token });
const withCertificate = (part: "worker" | "viewer" | "operator", of = certificates) =>
  new ClientSecurity({ tls: of.of(part) });
const withNothing = () => new ClientSecurity({ tls: join(certificates.folder, "ca") });

describe("the control port", () => {
  let events: CoreEvent[];
  let refused: string[];
  let address: string;

  beforeEach(async () => {
    [events, refused] = [[], []];
    const server = new ControlServer({
      security,
      onMalformed: (_, message) => refused.push(`malformed: ${message}`),
      onRefused: (_, sentence) => refused.push(sentence),
    });
    address = `127.0.0.1:${await server.listen("127.0.0.1", 0)}`;
    server.serve({
      run: "r",
      generation: 1,
      onEvent: (event) => events.push(event),
      onDropped: () => undefined,
    });
    closers.push(() => server.close());
  });

  function joins(worker: string, client: ClientSecurity) {
    const stream = new GrpcControlStream(address, client);
    closers.push(() => stream.close());
    stream.send(helloOf(worker));
    return stream;
  }

  const end = async (stream: GrpcControlStream): Promise<Error | null> => {
    try {
      for await (const { body } of stream.messages())
        if (body.kind === "refused") return new Error(body.message);
      return null;
    } catch (error) {
      return error as Error;
    }
  };
  const joined = () => events.flatMap((event) => (event.tag === "hello" ? [event.worker] : []));
  const until = async (isTrue: () => boolean) => {
    while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it("takes a worker by its token or by its certificate, and no other is asked for both", async () => {
    joins("by token", withToken("worker"));
    joins("by certificate", withCertificate("worker"));
    await until(() => events.length === 2);
    expect(joined().sort()).toEqual(["by certificate", "by token"]);
  });

  it.each<[string, () => ClientSecurity, string]>([
    ["nothing", withNothing, "this needs a token"],
    ["a viewer's token", () => withToken("viewer"), "the role worker, and a viewer has the role viewer"],
    ["an operator's certificate", () => withCertificate("operator"), "the role worker"],
    [
      "a worker's certificate of another CA",
      () => {
        const own = strangers.of("worker");
        const mixed = { ...readOwn(own), ca: certificates.authority.cert };
        return new ClientSecurity({ tls: mixed });
      },
      "this needs a token",
    ],
  ])("refuses %s in a sentence that reaches the worker and the log", async (_, client, sentence) => {
    const error = await end(joins("w", client()));
    expect(error).toMatchObject({ code: "REFUSED", message: expect.stringContaining(sentence) });
    expect(refused).toEqual([expect.stringContaining(sentence)]);
    expect(events).toEqual([]);
  });

  it("ends a worker's stream at once when its token is revoked: it is lost as any other, and kept out", async () => {
    const stream = joins("w", withToken("worker"));
    joins("stays", withCertificate("worker"));
    await until(() => events.length === 2);
    const { entry } = drawn.worker;
    writeTokenFile(file, [{ ...entry, revoked: new Date().toISOString() }]);
    const error = await end(stream);
    expect(error).toMatchObject({ code: "REFUSED", message: expect.stringContaining("was revoked") });
    await until(() => events.length === 3);
    expect(events[2]).toMatchObject({ tag: "left", worker: "w" });
    expect(await end(joins("w", withToken("worker")))).toMatchObject({ code: "REFUSED" });
    expect(refused.filter((sentence) => sentence.startsWith("malformed"))).toEqual([]);
  });

  it("refuses a worker whose name is in the run already with another token or certificate", async () => {
    joins("w", withCertificate("worker"));
    await until(() => events.length === 1);
    expect(await end(joins("w", withToken("worker")))).toMatchObject({
      message: expect.stringContaining("a worker w is in the run already, with another token or certificate"),
    });
    expect(joined()).toEqual(["w"]);
  });

  it("shows a renewed certificate to new connections, while the old ones go on", async () => {
    const stream = joins("w", withToken("worker"));
    await until(() => events.length === 1);
    const before = await serialOf(address);
    await certificates.renew("coordinator");
    while ((await serialOf(address)) === before) await new Promise((resolve) => setTimeout(resolve, 100));
    stream.run = "r"; // as the first message would have told it
    stream.send({ kind: "heartbeat", phase: "idle", share: 0, done: 0 });
    await until(() => events.length === 2);
    joins("later", withToken("worker"));
    await until(() => events.length === 3);
  });

  it("is not believed at an address that its certificate does not name", async () => {
    const server = new ControlServer({ security, onMalformed: () => undefined });
    closers.push(() => server.close());
    address = `127.0.0.2:${await server.listen("127.0.0.2", 0)}`;
    expect(await end(joins("w", withToken("worker")))).toMatchObject({
      message: expect.stringContaining("127.0.0.2"),
    });
    expect(await findConnectionFault(address, withNothing())).toMatchObject({ isFinal: false });
  });

  it("says to plain text that it speaks TLS, and to another CA's worker that it is not believed", async () => {
    expect(await findConnectionFault(address, new ClientSecurity())).toMatchObject({
      isFinal: true,
      sentence: expect.stringContaining("speaks TLS: give --tls"),
    });
    expect(await findConnectionFault(address, withCertificate("worker", strangers))).toMatchObject({
      isFinal: false,
      sentence: expect.stringContaining("is not accepted"),
    });
    expect(await findConnectionFault(address, withNothing())).toBeNull();
    expect(await findConnectionFault("127.0.0.1:1", withNothing())).toBeNull();
    const plain = new ControlServer({ onMalformed: () => undefined });
    const port = await plain.listen("127.0.0.1", 0);
    closers.push(() => plain.close());
    expect(await findConnectionFault(`127.0.0.1:${port}`, withNothing())).toMatchObject({
      isFinal: true,
      sentence: expect.stringContaining("speaks no TLS"),
    });
  });
});

describe("HTTP", () => {
  let server: MetricsServer;
  let stops: number;

  beforeEach(async () => {
    stops = 0;
    server = await startMetricsServer({
      registry: new Registry(),
      port: 0,
      security,
      extraRoutes: [
        { method: "GET", path: "/status", reply: () => json({ run: "r" }) },
        {
          method: "GET",
          path: "/alive",
          role: null,
          reply: () => json({ run: "r", generation: 1, ended: false }),
        },
        {
          method: "POST",
          path: "/stop",
          reply: () => {
            stops += 1;
            return json({ stopping: true });
          },
        },
      ],
    });
    closers.push(() => server.close());
  });

  const ask = (path: string, client: ClientSecurity, method: "GET" | "POST" = "GET", headers = {}) =>
    askHttp({
      address: `https://${server.address}`,
      path,
      method,
      headers: { "x-trainyard": path.slice(1), ...headers },
      security: client,
      signal: AbortSignal.timeout(10_000),
    });
  const basic = (token: string) => ({
    authorization: `Basic ${Buffer.from(`me:${token}`).toString("base64")}`,
  });

  it("answers viewers, lets operators stop the run, and asks everybody else for a token", async () => {
    const statuses = async (path: string, method: "GET" | "POST") =>
      Promise.all(
        [withNothing(), ...roles.map((role) => withToken(role)), withCertificate("viewer")].map(
          async (client) => (await ask(path, client, method)).status,
        ),
      );
    for (const path of ["/status", "/metrics"])
      expect(await statuses(path, "GET")).toEqual([401, 403, 200, 200, 200]);
    expect(await statuses("/nothing", "GET")).toEqual([401, 403, 404, 404, 404]);
    expect(await statuses("/stop", "POST")).toEqual([401, 403, 403, 200, 403]);
    expect(stops).toBe(1);
  });

  it("takes a token as a browser sends it, and says how to send one", async () => {
    expect((await ask("/status", withNothing(), "GET", basic(drawn.viewer.token))).status).toBe(200);
    expect((await ask("/status", withNothing(), "GET", basic("wrong"))).status).toBe(401);
    const header = await new Promise((resolve, reject) => {
      const options = { ca: certificates.authority.cert };
      get(`https://${server.address}/status`, options, (response) => {
        response.resume();
        resolve(response.headers["www-authenticate"]);
      }).on("error", reject);
    });
    expect(header).toContain("Basic realm=");
  });

  it("tells everybody that the process lives, and another coordinator which run it has", async () => {
    expect((await ask("/healthz", withNothing())).status).toBe(200);
    expect(JSON.parse((await ask("/alive", withNothing())).body)).toEqual({
      run: "r",
      generation: 1,
      ended: false,
    });
  });

  it("is what a coordinator learns of an owner by its CA; what it can't verify is silent, never gone", async () => {
    const owner = { http: `https://${server.address}`, host: hostname() };
    expect(await askOwner(owner, "r", withNothing())).toBe("running");
    expect(await askOwner(owner, "another", withNothing())).toBe("silent");
    expect(await askOwner(owner, "r", withCertificate("worker", strangers))).toBe("silent");
    expect(await askOwner(owner, "r")).toBe("silent");
    await server.close();
    expect(await askOwner(owner, "r", withNothing())).toBe("gone");
  });
});

const readOwn = (place: string) => {
  const own = new ClientSecurity({ tls: place }).files()?.own;
  return own === undefined ? {} : { own };
};

function serialOf(address: string): Promise<string> {
  const [host = "", port = ""] = address.split(":");
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ["h2"] },
      () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      },
    );
    socket.once("error", reject);
  });
}
