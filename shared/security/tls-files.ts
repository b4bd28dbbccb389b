/**
 * A folder as cert-manager, Kubernetes TLS secrets and `trainyard certs` have it: `ca.crt`, `tls.crt`, `tls.key`, in PEM.
 * Each reading checks that the parts belong together, so that half-replaced files are never used.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { TrainyardError } from "../errors.js";

/** A certificate and its key, in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** The TLS files of a server. */
export interface ServerFiles extends KeyPair {
  /** The CA that verifies clients' certificates. Without it, no peer is identified by a certificate. */
  readonly ca?: string;
}

/** The TLS files of a client. */
export interface ClientFiles {
  /** The server's certificate is verified with it. */
  readonly ca: string;
  /** The client's own certificate and key, for mutual TLS. */
  readonly own?: KeyPair;
}

/** Errors: USAGE when the folder lacks a file, holds what is no certificate, or one that has expired. */
export function readServerFiles(folder: string): ServerFiles {
  const own = readKeyPair(folder);
  if (own === undefined) throw missing(folder, "tls.crt");
  const ca = readPart(folder, "ca.crt");
  checkParts(folder, own, ca);
  return { ...own, ...(ca === undefined ? {} : { ca }) };
}

/** Errors: USAGE as above. */
export function readClientFiles(folder: string): ClientFiles {
  const ca = readPart(folder, "ca.crt");
  if (ca === undefined) throw missing(folder, "ca.crt");
  const own = readKeyPair(folder);
  checkParts(folder, own, ca);
  return { ca, ...(own === undefined ? {} : { own }) };
}

/** Whether the folder holds a certificate of its own, as a server needs. Errors: USAGE when only half of it is there. */
export const holdsKeyPair = (folder: string): boolean => readKeyPair(folder) !== undefined;

/** Equal for equal contents. */
export const textOfFiles = (files: ServerFiles): string => [files.ca, files.cert, files.key].join("\n");

function readKeyPair(folder: string): KeyPair | undefined {
  const [cert, key] = [readPart(folder, "tls.crt"), readPart(folder, "tls.key")];
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined) throw missing(folder, "tls.crt");
  if (key === undefined) throw missing(folder, "tls.key");
  return { cert, key };
}

function readPart(folder: string, name: string): string | undefined {
  const file = join(folder, name);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new TrainyardError("USAGE", `${file} can't be read (${code ?? String(error)})`, { cause: error });
  }
}

function checkParts(folder: string, own: KeyPair | undefined, ca: string | undefined): void {
  try {
    createSecureContext({ ...own, ca });
    if (own !== undefined) checkDates(folder, new X509Certificate(own.cert));
  } catch (error) {
    if (error instanceof TrainyardError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    const sentence = `the files in ${folder} are no certificate and key that belong together (${why})`;
    throw new TrainyardError("USAGE", `${sentence}: make new ones with trainyard certs`, { cause: error });
  }
}

function checkDates(folder: string, { validFrom, validTo }: X509Certificate): void {
  const now = Date.now();
  if (Date.parse(validTo) <= now)
    throw new TrainyardError("USAGE", `the certificate in ${folder} expired on ${validTo}: renew it`);
  if (Date.parse(validFrom) > now)
    throw new TrainyardError("USAGE", `the certificate in ${folder} is valid from ${validFrom} on only`);
}

const missing = (folder: string, name: string) =>
  new TrainyardError("USAGE", `there is no ${name} in ${folder}: trainyard certs makes what --tls needs`);
