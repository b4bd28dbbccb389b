/** ListObjectsV2: the query of one page and what its answer says. Keys are URL-encoded in it, so none can break it. */
import { TrainyardError } from "../errors.js";
import type { ObjectInfo } from "./object-store.js";

/** One page of a listing. */
export interface ListPage {
  /** Keys with the location's prefix. */
  readonly objects: readonly ObjectInfo[];
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

/** The query string of a request for one page of a listing. */
export function listQuery(prefix: string, token: string | undefined): string {
  const parameters = ["encoding-type=url", "list-type=2", "max-keys=1000", `prefix=${encode(prefix)}`];
  if (token !== undefined) parameters.push(`continuation-token=${encode(token)}`);
  return parameters.sort().join("&");
}

/** `seen` holds the tokens so far: a server that repeats one would be listed for ever. Errors: FAILED. */
export function parseListPage(xml: string, seen: Set<string>): ListPage {
  if (!xml.includes("<ListBucketResult")) throw broken("it is no ListBucketResult");
  const objects = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, content = ""]) => {
    const bytes = Number(element(content, "Size"));
    const key = element(content, "Key");
    if (key === undefined || !Number.isSafeInteger(bytes)) throw broken("an entry has no key or no size");
    return { key: decode(key), bytes };
  });
  if (element(xml, "IsTruncated") !== "true") return { objects, next: undefined };
  const next = element(xml, "NextContinuationToken");
  if (next === undefined || next === "") throw broken("it is cut off without a continuation token");
  if (seen.has(next)) throw broken("it repeats a continuation token, so it would never end");
  seen.add(next);
  return { objects, next };
}

function element(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>(.*?)</${name}>`, "s").exec(xml)?.[1];
  return text?.replace(/&(amp|lt|gt|quot|apos|#34|#39|#43);/g, (_, entity: string) => entities[entity] ?? "");
}

const entities: Readonly<Record<string, string>> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" },
  ...{ "#34": '"', "#39": "'", "#43": "+" },
};

/** Encodes as S3's signature wants it, including the characters that encodeURIComponent leaves alone. */
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** Form encoding: a space may be a plus. */
const decode = (text: string) => decodeURIComponent(text.replaceAll("+", "%20"));

function broken(reason: string): TrainyardError {
  return new TrainyardError("FAILED", `the store's answer to a listing can't be used: ${reason}`);
}
