/** What S3 servers and the network say, as the store's errors: which may pass, and a sentence for each. */
import { type ErrorCode, TrainyardError } from "../errors.js";
import { quote } from "./keys.js";
import { codeOf, skewMaxMs, stalled, waitedLong } from "./s3-connection.js";
import type { S3Location } from "./s3-location.js";

/** Passing troubles of the network and of a server that starts, stops or is busy. */
const passing = new Set([
  ...["ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"],
  ...["ENOTFOUND", "EAI_AGAIN", "ERR_STREAM_PREMATURE_CLOSE"],
  ...["InternalError", "ServiceUnavailable", "SlowDown", "SlowDownRead", "SlowDownWrite", "RequestTimeout"],
  ...[
    "XMinioServerNotInitialized",
    "XMinioServerNotReady",
    "XMinioWriteQuorum",
    "XMinioReadQuorum",
    "NotReady",
  ],
  ...["OperationAborted", "ConditionalRequestConflict", "TooManyRequests", waitedLong, stalled],
]);

/** A bodiless 5xx has no code at all; everything else that has none is a fault of ours and not repeated. */
export function isPassing(error: unknown): boolean {
  const code = codeOf(error);
  return passing.has(code) || (code === "" && error instanceof Error && error.constructor.name === "S3Error");
}

/** What an error message of S3 calls names. */
export interface S3ErrorContext {
  readonly location: S3Location;
  /** A clause: "can't write". */
  readonly doing: string;
  readonly key: string;
  /** The environment variables that hold the credentials. */
  readonly variables: readonly [string, string];
  /** The server's clock minus ours. */
  readonly skewMs: number;
}

type Explanation = readonly [ErrorCode, (context: S3ErrorContext) => string];

const denied: Explanation = [
  "STORE_DENIED",
  ({ variables }) =>
    `it refuses the credentials; check ${variables[0]} and ${variables[1]}, and this user's rights`,
];
const full: Explanation = [
  "STORE_FULL",
  () => "it has no space left; free some there, or choose another --store",
];
const otherRegion: Explanation = [
  "USAGE",
  () => "the bucket lies in another region; set TRAINYARD_S3_REGION to the bucket's",
];
const skewed: Explanation = ["STORE_DENIED", describeSkew];
const badCertificate: Explanation = [
  "STORE_UNREACHABLE",
  () => "its TLS certificate is not trusted here; name its authority's file in NODE_EXTRA_CA_CERTS",
];

const explanations: Readonly<Record<string, Explanation>> = {
  NoSuchKey: ["NOT_FOUND", () => "there is no such object"],
  NotFound: ["NOT_FOUND", () => "there is no such object or bucket"],
  NoSuchBucket: ["NOT_FOUND", ({ location }) => `there is no bucket "${location.bucket}" (any more)`],
  PreconditionFailed: ["ALREADY_EXISTS", () => "the object is already there"],
  AccessDenied: denied,
  InvalidAccessKeyId: denied,
  SignatureDoesNotMatch: denied,
  AccountProblem: denied,
  AllAccessDisabled: denied,
  ExpiredToken: denied,
  InvalidToken: denied,
  InvalidTokenId: denied,
  RequestTimeTooSkewed: skewed,
  XMinioStorageFull: full,
  XMinioAdminBucketQuotaExceeded: full,
  QuotaExceeded: full,
  InsufficientStorage: full,
  EntityTooLarge: full,
  AuthorizationHeaderMalformed: otherRegion,
  IllegalLocationConstraintException: otherRegion,
  InvalidRegion: otherRegion,
  PermanentRedirect: otherRegion,
  MovedPermanently: otherRegion,
  EPROTO: ["STORE_UNREACHABLE", () => "it does not speak TLS; if that is meant, write s3+http:// for s3://"],
  ERR_SSL_WRONG_VERSION_NUMBER: [
    "STORE_UNREACHABLE",
    () => "it does not speak TLS; if meant, write s3+http://",
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: badCertificate,
  SELF_SIGNED_CERT_IN_CHAIN: badCertificate,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: badCertificate,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: badCertificate,
  CERT_HAS_EXPIRED: badCertificate,
  ERR_TLS_CERT_ALTNAME_INVALID: badCertificate,
  ECONNREFUSED: unreachable("nothing listens"),
  ENOTFOUND: unreachable("no machine of that name"),
  EAI_AGAIN: unreachable("the name can't be looked up"),
  EHOSTUNREACH: unreachable("no way to that machine"),
  ENETUNREACH: unreachable("no way to that network"),
  ETIMEDOUT: unreachable("no answer"),
  ABORT_ERR: unreachable("no answer in time"),
};

function unreachable(what: string): Explanation {
  return ["STORE_UNREACHABLE", (context) => `${what} at ${endpoint(context)}; ${howToStart(context)}`];
}

const endpoint = ({ location: { host, port } }: S3ErrorContext) =>
  `${host.includes(":") ? `[${host}]` : host}:${port}`;
/** A server without TLS is most likely the user's own. */
const howToStart = (context: S3ErrorContext) =>
  context.location.isSecure
    ? "check --store and the network"
    : `check --store, or start the server there (\`minio server FOLDER --address ${endpoint(context)}\`)`;

/** Known TrainyardErrors pass. */
export function s3Error(caught: unknown, context: S3ErrorContext): TrainyardError {
  if (caught instanceof TrainyardError) return caught;
  const reason = reasonOf(caught, context.skewMs);
  const [code, explain] =
    reason === stalled ? stopped(caught) : (explanations[reason] ?? unexpected(caught, reason));
  const subject = context.key === "" ? "" : ` ${quote(context.key)} in`;
  const message = `${context.doing}${subject} the store ${context.location.url}: ${explain(context)}`;
  return new TrainyardError(code, message, {
    cause: caught,
    fields: { store: context.location.url, key: context.key, reason },
  });
}

/** The server is there, so advice to start it would mislead. */
const stopped = (caught: unknown): Explanation => [
  "STORE_UNREACHABLE",
  (context) =>
    `${caught instanceof Error ? caught.message : caught} (${endpoint(context)}); look at the network and at the server's disk`,
];

/** An answer to HEAD has no body, so a wrong clock shows as AccessDenied there. */
function reasonOf(caught: unknown, skewMs: number): string {
  if (caught instanceof DOMException) return "ABORT_ERR";
  const code = codeOf(caught);
  return code === "AccessDenied" && Math.abs(skewMs) > skewMaxMs ? "RequestTimeTooSkewed" : code;
}

const notS3 = ({ location }: S3ErrorContext) =>
  `no S3 server answers${location.isSecure ? "" : " (if it speaks TLS, write s3+https://)"}`;

function unexpected(caught: unknown, reason: string): Explanation {
  const message = caught instanceof Error ? caught.message : String(caught);
  const said = [reason, message].filter((part) => part !== "").join(": ");
  return isPassing(caught)
    ? [
        "STORE_UNREACHABLE",
        (context) => `${said || notS3(context)} at ${endpoint(context)}; ${howToStart(context)}`,
      ]
    : ["FAILED", () => said || "it answered nothing that makes sense"];
}

function describeSkew({ skewMs }: S3ErrorContext): string {
  const now = Date.now();
  const [here, there] = [now, now + skewMs].map((time) => new Date(time).toISOString());
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  return `the clocks differ too much: ${here} here, ${there} there, ${seconds} s; synchronise clocks (NTP)`;
}
