/** Whom a server lets in: by token or certificate, for which role, and what changes while it runs. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { clientSecurityOf } from "../../cli/security-flags.js";
import { withoutIdentity } from "../../local-cluster/cluster-environment.js";
import { requireSecured } from "../../shared/grpc/listen.js";
import { ClientSecurity } from "../../shared/security/client-security.js";
import { FailedAttempts } from "../../shared/security/failed-attempts.js";
import { roles } from "../../shared/security/roles.js";
import {
  type Credentials,
  type SecurityOptions,
  ServerSecurity,
} from "../../shared/security/server-security.js";
import { writeTokenFile } from "../../shared/security/token-file.js";
import { drawToken, type TokenEntry } from "../../shared/security/tokens.js";
import { Watched } from "../../shared/security/watched-files.js";
import { type CertificateFolders, makeCertificateFolders } from "../support/certificates.js";

const folder = mkdtempSync(join(tmpdir(), "trainyard-security-"));
const file = join(folder, "tokens.json");
const drawn = roles.map((role) => drawToken({ role, name: `a ${role}` }, []));
const tokenOf = (role: string) => drawn.find(({ entry }) => entry.role === role)?.token ?? "";
const notRevoked = () => {
  throw new Error("nothing is revoked here");
};
let certificates: CertificateFolders;
const opened: ServerSecurity[] = [];
const open = (options: SecurityOptions) => {
  const security = ServerSecurity.open(options);
  opened.push(security);
  return security;
};

beforeAll(async () => {
  certificates = await makeCertificateFolders();
  writeTokenFile(
    file,
    drawn.map(({ entry }) => entry),
  );
});
afterEach(() => {
  for (const security of opened.splice(0)) security.close();
});
afterAll(() => {
  certificates.remove();
  rmSync(folder, { recursive: true });
});

describe("roles", () => {
  const may: Record<string, readonly string[]> = {
    worker: ["worker"],
    viewer: ["viewer"],
    operator: ["viewer", "operator"],
  };

  it.each(roles)("a %s may what its role allows, by token and by certificate", (role) => {
    const security = open({ tls: certificates.of("coordinator"), tokens: file });
    const ways: Credentials[] = [{ token: tokenOf(role) }, { subject: { CN: "x", OU: role } }];
    for (const credentials of ways) {
      for (const needed of roles) {
        const tag = may[role]?.includes(needed) ? "allowed" : "forbidden";
        expect(security.admit(credentials, needed, notRevoked)).toMatchObject({ tag });
      }
    }
  });

  it.each<[string, Credentials]>([
    ["nothing", {}],
    ["a token that is none", { token: "ty1.x.y" }],
    ["a token of another file", { token: drawToken({ role: "operator" }, []).token }],
    ["a wrong token beside a right certificate", { token: "x", subject: { OU: "operator" } }],
    ["a certificate without a role", { subject: { CN: "x" } }],
    ["a certificate of a coordinator", { subject: { CN: "x", OU: "coordinator" } }],
    ["a certificate of two roles", { subject: { CN: "x", OU: ["worker", "operator"] } }],
  ])("%s is nobody's", (_, credentials) => {
    const security = open({ tls: certificates.of("coordinator"), tokens: file });
    for (const needed of roles)
      expect(security.admit(credentials, needed, notRevoked)).toMatchObject({ tag: "unknown" });
  });
});

describe("a server", () => {
  it("with nothing lets everybody in; with tokens or certificates nobody without one", () => {
    expect(ServerSecurity.none().admit({}, "operator", notRevoked)).toMatchObject({ tag: "allowed" });
    expect(open({ tokens: file }).admit({}, "viewer", notRevoked)).toMatchObject({ tag: "unknown" });
    const byCertificate = open({ tls: certificates.of("coordinator") });
    expect(byCertificate.admit({ token: tokenOf("viewer") }, "viewer", notRevoked)).toMatchObject({
      tag: "unknown",
    });
    expect(byCertificate.admit({ subject: { OU: "viewer" } }, "viewer", notRevoked)).toMatchObject({
      tag: "allowed",
    });
    const asked = open({ tls: certificates.of("coordinator"), insecure: true });
    expect(asked.admit({}, "worker", notRevoked)).toMatchObject({ tag: "allowed" });
    expect(open({ tokens: file, insecure: true }).openToAll).toBe(false);
  });

  it("beyond loopback needs TLS and identity, or --insecure; one sentence names all three", () => {
    const beyond =
      (security: ServerSecurity, insecure = false) =>
      () =>
        requireSecured("0.0.0.0", security, insecure);
    const tls = certificates.of("coordinator");
    expect(beyond(open({ tls }))).not.toThrow();
    expect(beyond(open({ tls, tokens: file }))).not.toThrow();
    expect(beyond(ServerSecurity.none(), true)).not.toThrow();
    expect(() => requireSecured("127.0.0.2", ServerSecurity.none(), false)).not.toThrow();
    for (const security of [ServerSecurity.none(), open({ tokens: file })])
      expect(beyond(security)).toThrow(/trainyard certs.*trainyard tokens create.*--insecure/);
  });

  it("whose folder has no CA, and that has no tokens, would let nobody in: it says so", () => {
    const place = mkdtempSync(join(folder, "no-ca-"));
    const { cert, key } = ServerSecurity.open({ tls: certificates.of("coordinator") }).tls?.current ?? {
      cert: "",
      key: "",
    };
    writeFileSync(join(place, "tls.crt"), cert);
    writeFileSync(join(place, "tls.key"), key);
    expect(() => open({ tls: place })).toThrow("has no ca.crt");
    expect(
      open({ tls: place, tokens: file }).admit({ token: tokenOf("viewer") }, "viewer", notRevoked).tag,
    ).toBe("allowed");
  });

  it("hears of a revoked token when it looks, and keeps the former list when it can't be read", () => {
    let text = "1";
    const complaints: string[] = [];
    const watched = new Watched({
      read: () => {
        if (text === "") throw new Error("half a file");
        return Number(text);
      },
      textOf: String,
      onKept: ({ message }) => complaints.push(message),
    });
    const heard: number[] = [];
    watched.onChange((value) => heard.push(value));
    for (const next of ["1", "2", "", "", "3"]) {
      text = next;
      watched.look();
    }
    watched.close();
    expect([heard, complaints, watched.current]).toEqual([[2, 3], ["half a file"], 3]);
  });

  it.each<[string, (entry: TokenEntry) => TokenEntry[], string]>([
    ["revoked", (entry) => [{ ...entry, revoked: new Date().toISOString() }], "was revoked or has expired"],
    ["removed from the file", () => [], "was revoked or has expired"],
    [
      "replaced by another secret",
      (entry) => [{ ...entry, sha256: "0".repeat(64) }],
      "was revoked or has expired",
    ],
    ["given another role", (entry) => [{ ...entry, role: "viewer" }], "has the role viewer now"],
  ])("ends the calls of a token that was %s, once, and lets it in no more", async (_, changed, why) => {
    const own = join(folder, "own.json");
    const { token, entry } = drawToken({ role: "operator", name: "me" }, []);
    writeTokenFile(own, [entry]);
    const security = open({ tokens: own });
    const ended: string[] = [];
    const told = new Promise<void>((resolve) => {
      const onRevoked = (sentence: string) => {
        ended.push(sentence);
        resolve();
      };
      expect(security.admit({ token }, "operator", onRevoked).tag).toBe("allowed");
    });
    const over = security.admit({ token }, "operator", notRevoked);
    if (over.tag === "allowed") over.release();
    writeTokenFile(own, changed(entry));
    await told;
    expect(ended).toEqual([`the token of me ${why}`]);
    expect(security.admit({ token }, "operator", notRevoked).tag).not.toBe("allowed");
    expect(security.openCalls).toBe(0);
  });

  it("ends the calls of a token that expires, also while its file can't be read", async () => {
    const own = join(folder, "expiring.json");
    const { token, entry } = drawToken({ role: "viewer", expires: new Date(Date.now() + 900) }, []);
    writeTokenFile(own, [entry]);
    const security = open({ tokens: own });
    const ended = new Promise<string>((resolve) => security.admit({ token }, "viewer", resolve));
    appendFileSync(own, "}");
    expect(await ended).toContain("was revoked or has expired");
  });
});

describe("a client", () => {
  it("never sends its token in plain text to another machine unless it is told to", () => {
    const token = () => "ty1.x";
    const plain = new ClientSecurity({ token });
    expect(plain.tokenFor("127.0.0.1")).toBe("ty1.x");
    expect(() => plain.tokenFor("train-1")).toThrow("in plain text");
    expect(new ClientSecurity({ token, insecure: true }).tokenFor("train-1")).toBe("ty1.x");
    const secured = new ClientSecurity({ token, tls: certificates.of("viewer") });
    expect(secured.tokenFor("train-1")).toBe("ty1.x");
    expect(() => secured.tokenFor("train-1", false)).toThrow("in plain text");
  });
});

it("a cluster on loopback takes no identity from its user's variables", () => {
  const identity = {
    TRAINYARD_TLS: "a",
    TRAINYARD_TOKENS: "b",
    TRAINYARD_TOKEN: "c",
    TRAINYARD_TOKEN_FILE: "d",
  };
  const others = { TRAINYARD_STORE: "e", PATH: "f", TRAINYARD_S3_ACCESS_KEY: "g" };
  expect(withoutIdentity({ ...identity, TRAINYARD_INSECURE: "1", ...others })).toEqual(others);
});

describe("the token of a command", () => {
  const own = join(folder, "own.token");

  it("comes from TRAINYARD_TOKEN or from a file, which is read anew for each call", () => {
    writeFileSync(own, `${tokenOf("viewer")}\n`);
    const client = clientSecurityOf({ tokenFile: own }, {});
    expect(client.tokenFor("localhost")).toBe(tokenOf("viewer"));
    writeFileSync(own, tokenOf("worker"));
    expect(client.tokenFor("localhost")).toBe(tokenOf("worker"));
    expect(clientSecurityOf({}, { TRAINYARD_TOKEN: tokenOf("operator") }).tokenFor("localhost")).toBe(
      tokenOf("operator"),
    );
    expect(clientSecurityOf({}, {}).tokenFor("localhost")).toBeUndefined();
  });

  it("that is none, given twice, or not to be read, is refused in a sentence that does not repeat it", () => {
    expect(() => clientSecurityOf({}, { TRAINYARD_TOKEN: "my secret" })).toThrow(
      "what TRAINYARD_TOKEN holds is no token",
    );
    expect(() => clientSecurityOf({ tokenFile: own }, { TRAINYARD_TOKEN: tokenOf("viewer") })).toThrow(
      "keep one of them",
    );
    expect(() => clientSecurityOf({ tokenFile: join(folder, "none") }, {})).toThrow(
      /can't be read: .*none \(ENOENT\)/,
    );
  });
});

describe("failed attempts", () => {
  it("are answered later and later, up to 8 s, by address, and forgotten after a quiet minute", () => {
    let nowMs = 0;
    const attempts = new FailedAttempts(() => nowMs);
    const held = Array.from({ length: 12 }, () => attempts.recordFailure("a"));
    expect(held).toEqual([0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 8_000]);
    expect(attempts.recordFailure("b")).toBe(0);
    nowMs += 60_000;
    expect(attempts.recordFailure("a")).toBe(0);
  });

  it("of any number of addresses take bounded memory", () => {
    const attempts = new FailedAttempts(() => 0);
    for (let address = 0; address < 5_000; address += 1) attempts.recordFailure(String(address));
    expect(attempts.size).toBe(1_024);
  });
});
