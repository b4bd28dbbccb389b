/** The folders that `trainyard certs` makes: the CA, and one for each part of a cluster, as `--tls` takes them. */
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { TrainyardError } from "../../shared/errors.js";
import type { KeyPair } from "../../shared/security/tls-files.js";
import type { CertificateWish } from "./issue.js";

/** Loopback names, which every server certificate has. */
export const ownHosts = ["localhost", "127.0.0.1", "::1"] as const;

export const parts = ["coordinator", "worker", "operator", "viewer"] as const;
export type Part = (typeof parts)[number];

/**
 * What the certificate of a part must hold. Every worker's has the name `worker`, by which Prometheus verifies /metrics on
 * any machine. A coordinator only listens; an operator and a viewer only call.
 */
export function wishOf(part: Part, hosts: readonly string[], days: number): CertificateWish {
  const wish = { commonName: `trainyard ${part}`, unit: part, days };
  switch (part) {
    case "coordinator":
      return { ...wish, hosts: [...new Set([...hosts, ...ownHosts])], uses: ["server"] };
    case "worker":
      return { ...wish, hosts: ["worker", ...ownHosts], uses: ["server", "client"] };
    default:
      return { ...wish, hosts: [], uses: ["client"] };
  }
}

const authorityOf = (folder: string) => ({
  cert: join(folder, "ca", "ca.crt"),
  key: join(folder, "ca", "ca.key"),
});

/** Certificates write IPv6 addresses out. */
const inShort = (host: string) =>
  isIP(host) === 6 ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host;

/** The CA that is there; null: there is none. Errors: INPUT when only half of it is there, or when it has expired. */
export function readAuthority(folder: string): KeyPair | null {
  const files = authorityOf(folder);
  const [hasCert, hasKey] = [existsSync(files.cert), existsSync(files.key)];
  if (!hasCert && !hasKey) return null;
  const missing = hasCert ? files.key : files.cert;
  if (!hasCert || !hasKey) {
    const sentence = `${missing} is missing, and without it nothing can be signed: put it back, or name another folder for a new CA`;
    throw new TrainyardError("INPUT", sentence);
  }
  const cert = readFileSync(files.cert, "utf8");
  const { validTo } = new X509Certificate(cert);
  if (Date.parse(validTo) <= Date.now()) {
    const sentence = `the CA in ${folder} expired on ${validTo}: name another folder for a new one, and give its ca.crt to everybody`;
    throw new TrainyardError("INPUT", sentence);
  }
  return { cert, key: readFileSync(files.key, "utf8") };
}

/** Errors: ALREADY_EXISTS: a CA is never replaced. */
export function writeAuthority(folder: string, { cert, key }: KeyPair): void {
  const files = authorityOf(folder);
  mkdirSync(folder, { recursive: true });
  mkdirSync(join(folder, "ca"), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(files.key, key, { mode: 0o600, flag: "wx" });
    writeFileSync(files.cert, cert, { mode: 0o644, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new TrainyardError("ALREADY_EXISTS", `there is a CA in ${folder} already`, { cause: error });
  }
}

/** Replaces the files of a part, each atomically. Processes that watch the folder use the new files once all three match. */
export function writePart(folder: string, part: Part, ca: string, { cert, key }: KeyPair): void {
  const place = join(folder, part);
  mkdirSync(place, { recursive: true });
  replace(join(place, "tls.key"), key, 0o600);
  replace(join(place, "tls.crt"), cert, 0o644);
  replace(join(place, "ca.crt"), ca, 0o644);
}

function replace(file: string, text: string, mode: number): void {
  const draft = `${file}.new`;
  writeFileSync(draft, text, { mode });
  renameSync(draft, file);
}

/** The hosts that the coordinator's certificate names besides its own machine; empty before the first. */
export function formerHosts(folder: string): string[] {
  const file = join(folder, "coordinator", "tls.crt");
  if (!existsSync(file)) return [];
  const { subjectAltName = "" } = new X509Certificate(readFileSync(file));
  const hosts = [...subjectAltName.matchAll(/(?:DNS|IP Address):([^,]+)/g)].map(([, host]) => host as string);
  return hosts.map(inShort).filter((host) => !(ownHosts as readonly string[]).includes(host));
}
