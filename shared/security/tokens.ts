/**
 * Join tokens: `ty1.<id>.<secret>`, the secret 32 random bytes. Of each only a SHA-256 is kept: against 2^256 equally
 * likely secrets there is nothing to stretch, so a slow password hash would only cost every call. Values in, values out;
 * the file is token-file.ts.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { type Role, roles } from "./roles.js";

/** A token in the token file: its hash, role and validity. */
export const TokenEntry = z.looseObject({
  id: z.string().regex(/^[0-9a-f]{8}$/),
  role: z.enum(roles),
  /** The person or machine that uses the token, for people. */
  name: z.string().optional(),
  /** SHA-256 of the secret's text, in hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: z.iso.datetime(),
  expires: z.iso.datetime().optional(),
  /** When; such a token is worth nothing, and its entry is kept for the record. */
  revoked: z.iso.datetime().optional(),
});
export type TokenEntry = z.infer<typeof TokenEntry>;

const tokenForm = /^ty1\.([0-9a-f]{8})\.([A-Za-z0-9_-]{43})$/;

const hashOf = (secret: string) => createHash("sha256").update(secret).digest();

/** Compared with when the id is unknown, so that this costs what a wrong secret costs. */
const noToken = hashOf("");

/** The token that a user wants to create. */
export interface TokenWish {
  readonly role: Role;
  readonly name?: string | undefined;
  readonly expires?: Date | undefined;
}

/** A new token, whose text exists only here, and its entry. Its id is none of `taken`. */
export function drawToken(
  { role, name, expires }: TokenWish,
  taken: readonly TokenEntry[],
): { readonly token: string; readonly entry: TokenEntry } {
  let id = randomBytes(4).toString("hex");
  while (taken.some((entry) => entry.id === id)) id = randomBytes(4).toString("hex");
  const secret = randomBytes(32).toString("base64url");
  const entry = {
    id,
    role,
    ...(name === undefined ? {} : { name }),
    sha256: hashOf(secret).toString("hex"),
    createdAt: new Date().toISOString(),
    ...(expires === undefined ? {} : { expires: expires.toISOString() }),
  };
  return { token: `ty1.${id}.${secret}`, entry };
}

/** False once it was revoked or has expired. */
export const isValid = ({ revoked, expires }: TokenEntry, now: Date): boolean =>
  revoked === undefined && (expires === undefined || new Date(expires) > now);

/** The valid entry that the token is of, in a time that tells nothing of how near it came; null: there is none. */
export function findToken(entries: readonly TokenEntry[], token: string, now: Date): TokenEntry | null {
  const [, id, secret = ""] = tokenForm.exec(token) ?? [];
  const entry = entries.find((candidate) => candidate.id === id);
  const kept = entry === undefined ? noToken : Buffer.from(entry.sha256, "hex");
  const isEqual = timingSafeEqual(hashOf(secret), kept);
  return entry !== undefined && isEqual && isValid(entry, now) ? entry : null;
}

/** Whether the text has a token's form; what it is worth only a list of entries tells. */
export const isTokenForm = (text: string): boolean => tokenForm.test(text);
