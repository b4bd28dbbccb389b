/** What `s3://HOST[:PORT]/BUCKET[/PREFIX]` says: where the server is, whether it speaks TLS, and whose keys are ours. */
import { isIPv4, isIPv6 } from "node:net";
import { TrainyardError } from "../errors.js";
import { checkKey } from "./keys.js";

/** Where an S3 store lies. */
export interface S3Location {
  /** The URL as the user wrote it. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
  readonly bucket: string;
  /** "" or ends in a slash. */
  readonly prefix: string;
}

const form =
  "write s3://HOST:PORT/BUCKET or s3://HOST:PORT/BUCKET/PREFIX (for AWS: s3://s3.amazonaws.com/BUCKET)";

/** TLS unless the host is this machine; `s3+http://` and `s3+https://` decide it in so many words. Errors: USAGE. */
export function parseS3Url(url: string): S3Location {
  const [, transport, authority, bucket, rest] =
    /^s3(\+https?)?:\/\/([^/]+)\/([^/]+)(?:\/(.*))?$/s.exec(url) ?? [];
  if (authority === undefined || bucket === undefined) throw refused(hideCredentials(url), form);
  if (authority.includes("@")) {
    throw refused(
      hideCredentials(url),
      "keep credentials out of it, in TRAINYARD_S3_ACCESS_KEY and …_SECRET_KEY",
    );
  }
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/.exec(authority) ?? [];
  if (host === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) throw refused(url, form);
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw refused(url, `a bucket's name is 3 to 63 small letters, digits, dots and hyphens, not "${bucket}"`);
  }
  const bare = host.replace(/^\[|\]$/g, "").toLowerCase();
  const isSecure = transport === undefined ? !isLoopback(bare) : transport === "+https";
  const prefix = (rest ?? "").replace(/\/$/, "");
  if (prefix !== "") checkKey(prefix);
  return {
    url,
    host: bare,
    port: port === undefined ? (isSecure ? 443 : 80) : Number(port),
    isSecure,
    bucket,
    prefix: prefix === "" ? "" : `${prefix}/`,
  };
}

function isLoopback(host: string): boolean {
  return (
    host === "localhost" || (isIPv4(host) && host.startsWith("127.")) || (isIPv6(host) && host === "::1")
  );
}

function refused(url: string, reason: string): TrainyardError {
  return new TrainyardError("USAGE", `the store "${url}" can't be used: ${reason}`);
}

const hideCredentials = (url: string) => url.replace(/\/\/[^/@]*@/, "//…@");
