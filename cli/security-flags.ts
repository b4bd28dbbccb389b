/**
 * The options of identity and TLS: what a server shows and asks for, what a client brings along. The token itself is no
 * option: command lines are seen by everybody on a machine.
 */
import { readFileSync } from "node:fs";
import type { Options } from "yargs";
import { TrainyardError } from "../shared/errors.js";
import { ClientSecurity } from "../shared/security/client-security.js";
import { ServerSecurity } from "../shared/security/server-security.js";
import { isTokenForm } from "../shared/security/tokens.js";

export interface ServerSecurityFlags {
  tls?: string | undefined;
  tokens?: string | undefined;
  insecure: boolean;
}

export interface ClientSecurityFlags {
  tls?: string | undefined;
  tokenFile?: string | undefined;
  insecure?: boolean | undefined;
}

const security = "Security:";

/** Of a command that listens. */
export const serverSecurityOptions = {
  tls: {
    type: "string",
    requiresArg: true,
    describe: "TLS on every port, with ca.crt, tls.crt and tls.key of this folder (trainyard certs)",
    group: security,
  },
  tokens: {
    type: "string",
    requiresArg: true,
    describe: "File of token hashes: who may join, look and steer (trainyard tokens)",
    group: security,
  },
  insecure: {
    type: "boolean",
    default: false,
    describe: "Listen beyond loopback without TLS or identity: whoever reaches the ports can join",
    group: security,
  },
} as const satisfies Record<string, Options>;

/** Of a command that calls a coordinator. */
export const clientSecurityOptions = {
  tls: {
    type: "string",
    requiresArg: true,
    describe: "Use TLS: folder with the CA's ca.crt, and tls.crt and tls.key for mutual TLS",
    group: security,
  },
  "token-file": {
    type: "string",
    requiresArg: true,
    describe: "File with the token to show (or the token itself in TRAINYARD_TOKEN)",
    group: security,
  },
} as const satisfies Record<string, Options>;

/** Reads and watches what the flags name. Errors: USAGE. */
export const openServerSecurity = (
  { tls, tokens, insecure }: ServerSecurityFlags,
  logger: { warn(sentence: string): void },
): ServerSecurity =>
  ServerSecurity.open({ tls, tokens, insecure, onKept: (sentence) => logger.warn(sentence) });

/** What a cluster on loopback does not take from its user's variables: they are for coordinators on other machines. */
export function withoutIdentity(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const meant = /^TRAINYARD_(TLS|TOKENS?|TOKEN_FILE|INSECURE)$/;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !meant.test(name)));
}

/** Errors: USAGE when there are two tokens, or the token's file can't be read. */
export function clientSecurityOf(
  { tls, tokenFile, insecure }: ClientSecurityFlags,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ClientSecurity {
  const value = environment.TRAINYARD_TOKEN || undefined;
  if (value !== undefined && tokenFile !== undefined) {
    throw new TrainyardError(
      "USAGE",
      "TRAINYARD_TOKEN and --token-file (TRAINYARD_TOKEN_FILE) are both set; keep one of them",
    );
  }
  const token = tokenFile === undefined ? () => value : () => readToken(tokenFile);
  const shown = token();
  if (shown !== undefined && !isTokenForm(shown)) {
    const where = tokenFile === undefined ? "TRAINYARD_TOKEN" : tokenFile;
    throw new TrainyardError(
      "USAGE",
      `what ${where} holds is no token (ty1.…): trainyard tokens create makes one`,
    );
  }
  const client = new ClientSecurity({ tls, token, insecure });
  client.files(); // now, not at the first connection
  return client;
}

function readToken(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new TrainyardError("USAGE", `the token file ${file} can't be read (${why})`, { cause: error });
  }
}
