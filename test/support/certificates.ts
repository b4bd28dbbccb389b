/** Certificates for tests, made once a process: a CA with every part, and a second CA that nobody knows. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { issueCertificate, makeAuthority } from "../../cli/certificates/issue.js";
import { type Part, parts, wishOf, writeAuthority, writePart } from "../../cli/certificates/parts.js";
import type { KeyPair } from "../../shared/security/tls-files.js";

export interface CertificateFolders {
  /** With `ca/`, `coordinator/`, `worker/`, `operator/` and `viewer/`. */
  readonly folder: string;
  readonly authority: KeyPair;
  of(part: Part): string;
  /** Another certificate for the same part, in its place. */
  renew(part: Part): Promise<void>;
  remove(): void;
}

/** `hosts`: of the coordinator, besides this machine's own. */
export async function makeCertificateFolders(hosts: readonly string[] = []): Promise<CertificateFolders> {
  const folder = mkdtempSync(join(tmpdir(), "trainyard-certs-"));
  const authority = await makeAuthority("a test's CA", 1);
  writeAuthority(folder, authority);
  const renew = async (part: Part) =>
    writePart(folder, part, authority.cert, await issueCertificate(authority, wishOf(part, hosts, 1)));
  for (const part of parts) await renew(part);
  return {
    folder,
    authority,
    of: (part) => join(folder, part),
    renew,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
