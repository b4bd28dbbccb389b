/** `trainyard certs`: what TLS of Node makes of the certificates, and what a second call leaves alone. */
import { X509Certificate } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readClientFiles, readServerFiles } from "../../shared/security/tls-files.js";
import { runProgramHere } from "../support/program-here.js";

const folder = mkdtempSync(join(tmpdir(), "trainyard-certs-"));
const at = (...path: string[]) => join(folder, "certs", ...path);
const certs = (...words: string[]) => runProgramHere(["certs", at(), ...words]);
const certificate = (part: string) => new X509Certificate(readFileSync(at(part, "tls.crt")));

afterAll(() => rmSync(folder, { recursive: true }));

describe("a folder of certificates", () => {
  beforeAll(async () => {
    expect((await certs("--name", "train-1", "10.0.0.5", "--days", "30")).code).toBe(0);
  });

  it.each([
    ["coordinator", ["train-1", "localhost"], ["10.0.0.5", "127.0.0.1", "::1"], "server"],
    ["worker", ["worker", "localhost"], ["127.0.0.1", "::1"], "both"],
    ["operator", [], [], "client"],
    ["viewer", [], [], "client"],
  ])("has one for the %s: its role, its hosts, its use, signed by the CA", (part, names, addresses, use) => {
    const own = certificate(part);
    const authority = new X509Certificate(readFileSync(at("ca", "ca.crt")));
    expect(own.subject).toContain(`OU=${part}`);
    expect([own.checkIssued(authority), own.verify(authority.publicKey), own.ca]).toEqual([
      true,
      true,
      false,
    ]);
    for (const name of names) expect(own.checkHost(name)).toBe(name);
    for (const address of addresses) expect(own.checkIP(address)).toBe(address);
    expect(own.checkHost("another")).toBeUndefined();
    const uses = { server: ["1"], client: ["2"], both: ["1", "2"] }[use] ?? [];
    expect(own.keyUsage).toEqual(uses.map((last) => `1.3.6.1.5.5.7.3.${last}`));
    const days = (Date.parse(own.validTo) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(29);
    expect(days).toBeLessThan(30.1);
    createSecureContext({ cert: readFileSync(at(part, "tls.crt")), key: readFileSync(at(part, "tls.key")) });
    expect(readFileSync(at(part, "ca.crt"), "utf8")).toBe(readFileSync(at("ca", "ca.crt"), "utf8"));
  });

  it("has keys that only their owner reads, and a CA that signs no other CA", () => {
    for (const file of [at("ca", "ca.key"), at("worker", "tls.key"), at("coordinator", "tls.key")])
      expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(new X509Certificate(readFileSync(at("ca", "ca.crt"))).ca).toBe(true);
  });

  it("is renewed with the same CA and names, and other keys", async () => {
    const former = certificate("coordinator");
    const authority = readFileSync(at("ca", "ca.key"), "utf8");
    const { stdout } = await certs("--json");
    expect(JSON.parse(stdout)).toMatchObject({ isNew: false });
    const renewed = certificate("coordinator");
    expect(readFileSync(at("ca", "ca.key"), "utf8")).toBe(authority);
    expect(renewed.subjectAltName).toBe(former.subjectAltName);
    expect(renewed.serialNumber).not.toBe(former.serialNumber);
    expect(renewed.publicKey.equals(former.publicKey)).toBe(false);
  });

  it("is refused when half of the CA is gone, and nothing is written over", async () => {
    const authority = readFileSync(at("ca", "ca.crt"), "utf8");
    rmSync(at("ca", "ca.crt"));
    const { code, stderr } = await certs();
    writeFileSync(at("ca", "ca.crt"), authority);
    expect([code, stderr]).toEqual([2, expect.stringContaining("ca.crt is missing")]);
  });
});

it.each([
  [["--name", "train-1:7070"], "without a port"],
  [["--name", "a b"], "--name must be host names"],
  [["--days", "0"], "--days must be at least 1"],
])("certs refuses %j in a sentence", async (words, sentence) => {
  const { code, stderr } = await certs(...words);
  expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
});

it("a folder for --tls without a part, or with a foreign key, is refused in a sentence", () => {
  const place = join(folder, "broken");
  mkdirSync(place);
  const take = (part: string, from: string) => copyFileSync(from, join(place, part));
  expect(() => readServerFiles(place)).toThrow("there is no tls.crt");
  expect(() => readClientFiles(place)).toThrow("there is no ca.crt");
  take("ca.crt", at("ca", "ca.crt"));
  expect(readClientFiles(place)).not.toHaveProperty("own");
  take("tls.crt", at("worker", "tls.crt"));
  expect(() => readClientFiles(place)).toThrow("there is no tls.key");
  take("tls.key", at("viewer", "tls.key"));
  expect(() => readClientFiles(place)).toThrow("no certificate and key that belong together");
  expect(() => readServerFiles(place)).toThrow("trainyard certs");
});
