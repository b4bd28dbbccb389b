/**
 * Credentials for an S3 store, from environment variables; each can also be given as a file by `…_FILE`. They are never
 * taken from a URL and never logged.
 */
import { readVariable } from "../environment.js";
import { TrainyardError } from "../errors.js";

/** The keys of an S3 account. */
export interface S3Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string | undefined;
  readonly region: string;
  /** The variable that the access key came from, and the secret's, for messages. */
  readonly variables: readonly [string, string];
}

/** Trainyard's own variables for the keys. */
export const ownVariables = ["TRAINYARD_S3_ACCESS_KEY", "TRAINYARD_S3_SECRET_KEY"] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/** Our own variables, or AWS'; both keys of one pair. Errors: USAGE when one is missing. */
export function readS3Credentials(environment: Environment): S3Credentials {
  const pairs = [
    [...ownVariables, "TRAINYARD_S3_SESSION_TOKEN"],
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
  ] as const;
  for (const [access, secret, session] of pairs) {
    const accessKey = readVariable(access, environment);
    const secretKey = readVariable(secret, environment);
    if (accessKey === undefined && secretKey === undefined) continue;
    if (accessKey === undefined || secretKey === undefined) {
      const [there, absent] = accessKey === undefined ? [secret, access] : [access, secret];
      throw new TrainyardError("USAGE", `${there} is set but ${absent} is not; an S3 store needs both`);
    }
    const sessionToken = readVariable(session, environment);
    return {
      accessKey,
      secretKey,
      sessionToken,
      region: readRegion(environment),
      variables: [access, secret],
    };
  }
  throw new TrainyardError(
    "USAGE",
    "an S3 store needs credentials: set TRAINYARD_S3_ACCESS_KEY and TRAINYARD_S3_SECRET_KEY " +
      "(or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), or the same names with _FILE and the path of a file",
  );
}

function readRegion(environment: Environment): string {
  const names = ["TRAINYARD_S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"];
  for (const name of names) {
    const region = readVariable(name, environment);
    if (region !== undefined) return region;
  }
  return "us-east-1";
}
