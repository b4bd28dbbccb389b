/**
 * X.509 certificates of one small CA: P-256 keys, SHA-256, the role in the subject's OU. Only here the library for them
 * is loaded.
 */
import "reflect-metadata"; // which the library wants to find
import { randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { KeyPair } from "../../shared/security/tls-files.js";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

const dayMs = 86_400_000;
/** How far the clocks of a cluster's machines may differ. */
const skewMs = 3_600_000;

export interface CertificateWish {
  readonly commonName: string;
  /** A role, or `coordinator`. */
  readonly unit: string;
  /** DNS names and IP addresses of the server. */
  readonly hosts: readonly string[];
  /** What the certificate may be used for: by a process that listens (server), that calls (client), or both. */
  readonly uses: readonly ("server" | "client")[];
  readonly days: number;
}

/** A CA of its own: it signs nothing but certificates of peers. */
export async function makeAuthority(commonName: string, days: number): Promise<KeyPair> {
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    ...datesFor(days),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return await pairOf(certificate, keys);
}

/** Never valid for longer than the CA. */
export async function issueCertificate(authority: KeyPair, wish: CertificateWish): Promise<KeyPair> {
  const issuer = new X509Certificate(authority.cert);
  const keys = await makeKeys();
  const { notBefore, notAfter } = datesFor(wish.days);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [wish.commonName] }, { OU: [wish.unit] }],
    issuer: issuer.subjectName.toJSON(),
    notBefore,
    notAfter: new Date(Math.min(notAfter.getTime(), issuer.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: algorithm,
    extensions: await extensionsOf(wish, keys.publicKey, issuer),
  });
  return await pairOf(certificate, keys);
}

async function extensionsOf(
  { hosts, uses }: CertificateWish,
  publicKey: webcrypto.CryptoKey,
  issuer: X509Certificate,
): Promise<Extension[]> {
  const usage = { server: ExtendedKeyUsage.serverAuth, client: ExtendedKeyUsage.clientAuth };
  const names = hosts.map((host) => ({ type: isIP(host) === 0 ? "dns" : "ip", value: host }) as const);
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(uses.map((use) => usage[use])),
    ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
    await SubjectKeyIdentifierExtension.create(publicKey),
    await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
  ];
}

const makeKeys = () => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);

const importKey = (pem: string) =>
  webcrypto.subtle.importKey("pkcs8", PemConverter.decodeFirst(pem), algorithm, false, ["sign"]);

async function pairOf(
  certificate: X509Certificate,
  { privateKey }: webcrypto.CryptoKeyPair,
): Promise<KeyPair> {
  const key = PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", privateKey), "PRIVATE KEY");
  return { cert: `${certificate.toString("pem")}\n`, key: `${key}\n` };
}

function datesFor(days: number): { readonly notBefore: Date; readonly notAfter: Date } {
  const nowMs = Date.now();
  return { notBefore: new Date(nowMs - skewMs), notAfter: new Date(nowMs + days * dayMs) };
}

/** Positive, and unlike any other. */
const serialNumber = () => `01${randomBytes(15).toString("hex")}`;
