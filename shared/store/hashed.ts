/** Reading an object whose length and SHA-256 are known (from a manifest): right bytes or an error, never wrong ones. */
import { createHash } from "node:crypto";
import { TrainyardError } from "../errors.js";
import { quote } from "./keys.js";
import type { ObjectStore } from "./object-store.js";

/** The size and hash that an object must have. */
export interface ExpectedContent {
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** The SHA-256 of bytes, in hexadecimal. */
export const sha256Hex = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/**
 * The whole object, checked. What does not match is read once more, since the damage may have been on the way.
 * @param options.advice what a user can do about damage, as the end of the sentence.
 * Errors: the store's; DAMAGED when both reads differ from what was expected.
 */
export async function getHashed(
  store: ObjectStore,
  key: string,
  expected: ExpectedContent,
  { advice = "restore it from a copy", ...options }: { signal?: AbortSignal; advice?: string } = {},
): Promise<Uint8Array> {
  const first = await store.get(key, options);
  if (isExpected(first, expected)) return first;
  const second = await store.get(key, options);
  if (isExpected(second, expected)) return second;
  const found = `${second.length} bytes with SHA-256 ${sha256Hex(second)}`;
  throw new TrainyardError(
    "DAMAGED",
    `the object ${quote(key)} in the store ${store.url} is damaged: expected ${expected.bytes} bytes with SHA-256 ` +
      `${expected.sha256}, read ${found} (twice); ${advice}`,
    { fields: { store: store.url, key } },
  );
}

function isExpected(bytes: Uint8Array, expected: ExpectedContent): boolean {
  return bytes.length === expected.bytes && sha256Hex(bytes) === expected.sha256;
}
