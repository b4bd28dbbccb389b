/** What a server shows and asks for, and what a client brings along, from their flags and variables. */
import { readSecretFile } from "../shared/environment.js";
import { TrainyardError } from "../shared/errors.js";
import { ClientSecurity } from "../shared/security/client-security.js";
import { ServerSecurity } from "../shared/security/server-security.js";
import { isTokenForm } from "../shared/security/tokens.js";
import type { CoordinatorFlags, ServerSecurityFlags } from "../shared/settings/process-settings.js";
import { cleanText } from "../shared/settings/value.js";

/** The identity that a client shows. */
export type ClientSecurityFlags = Partial<Pick<CoordinatorFlags, "tls" | "tokenFile" | "insecure">>;

/** Reads the files that the flags name, and watches them for changes. Errors: USAGE. */
export const openServerSecurity = (
  { tls, tokens, insecure }: ServerSecurityFlags,
  logger: { warn(sentence: string): void },
): ServerSecurity =>
  ServerSecurity.open({ tls, tokens, insecure, onKept: (sentence) => logger.warn(sentence) });

/** Errors: USAGE when there are two tokens, or the token's file can't be read. */
export function clientSecurityOf(
  { tls, tokenFile, insecure }: ClientSecurityFlags,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ClientSecurity {
  const value = cleanText("TRAINYARD_TOKEN", environment.TRAINYARD_TOKEN ?? "") || undefined;
  if (value !== undefined && tokenFile !== undefined) {
    throw new TrainyardError(
      "USAGE",
      "TRAINYARD_TOKEN and --token-file (TRAINYARD_TOKEN_FILE) are both set; keep one of them",
    );
  }
  const token = tokenFile === undefined ? () => value : () => readSecretFile("--token-file", tokenFile);
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
