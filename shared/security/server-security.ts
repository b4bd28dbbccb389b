/**
 * What a server needs to know whom it talks to: its certificate, who may do what, and that both may change while it runs.
 * It decides; asking and answering is the ports' (grpc/authorization, http).
 */
import { TrainyardError } from "../errors.js";
import { limits } from "../limits.js";
import { Admissions } from "./admissions.js";
import { FailedAttempts } from "./failed-attempts.js";
import { allows, isRole, type Peer, type Role } from "./roles.js";
import { readServerFiles, type ServerFiles, textOfFiles } from "./tls-files.js";
import { readTokenFile } from "./token-file.js";
import { findToken, isValid, type TokenEntry } from "./tokens.js";
import { Watched } from "./watched-files.js";

/** What a call brought along. */
export interface Credentials {
  readonly token?: string | undefined;
  /** The subject of a client certificate that TLS has verified against our CA. */
  readonly subject?: CertificateSubject | undefined;
}

/** A certificate's subject as node:tls gives it: an attribute that occurs several times is a list. */
export interface CertificateSubject {
  readonly CN?: string | string[];
  readonly OU?: string | string[];
}

/**
 * Client certificates are asked for but not required: who has none may have a token, and hears a sentence rather than a
 * broken handshake if not.
 */
export const serverTlsOptions = {
  requestCert: true,
  rejectUnauthorized: false,
  handshakeTimeout: limits.handshakeMs,
} as const;

/** The peer, or why it may not do what it asks for. */
export type Verdict =
  /** `release` is called once, when the call is over. */
  { readonly tag: "allowed"; readonly peer: Peer; readonly release: () => void } | Refused;

/** Why a peer may not do what it asks for. */
export type Refused =
  /** No credentials, or worthless ones: HTTP 401, gRPC UNAUTHENTICATED. */
  | { readonly tag: "unknown"; readonly sentence: string }
  /** The peer is known and lacks the role: HTTP 403, gRPC PERMISSION_DENIED. */
  | { readonly tag: "forbidden"; readonly sentence: string };

/** The files by which a server identifies its peers. */
export interface SecurityOptions {
  /** Folder of certificates: TLS on every port. */
  readonly tls?: string | undefined;
  /** File of token hashes. With it, a peer without a certificate needs a token. */
  readonly tokens?: string | undefined;
  /** Lets every peer in when there are no tokens, with or without TLS. */
  readonly insecure?: boolean;
  /** Called when changed files can't be used and the former ones stay. */
  readonly onKept?: (sentence: string) => void;
}

/** An identified peer, and the token that it came by; null for a certificate. */
interface Known {
  readonly peer: Peer;
  readonly entry: TokenEntry | null;
}

/** Identifies and authorises the peers of a server. */
export class ServerSecurity {
  /** The server's certificate and key; null for plain text. */
  readonly tls: Watched<ServerFiles> | null;
  readonly #tokens: Watched<readonly TokenEntry[]> | null;
  /** True when every peer is let in: on loopback, or because the user asked for it. */
  readonly openToAll: boolean;
  /** Failed attempts at all ports together. */
  readonly attempts = new FailedAttempts();
  /** Calls and streams at all ports together that were let in and are still open. */
  readonly #admissions = new Admissions();

  private constructor(
    tls: Watched<ServerFiles> | null,
    tokens: Watched<readonly TokenEntry[]> | null,
    openToAll: boolean,
  ) {
    this.tls = tls;
    this.#tokens = tokens;
    this.openToAll = openToAll;
    tokens?.onChange(() => this.#admissions.review());
  }

  /** No security: plain text, and every peer is let in. */
  static none(): ServerSecurity {
    return new ServerSecurity(null, null, true);
  }

  /**
   * Reads the files and begins to watch them. Errors: USAGE when they can't be used, or when no peer could ever be
   * identified.
   */
  static open({ tls, tokens, insecure = false, onKept }: SecurityOptions): ServerSecurity {
    const files = tls === undefined ? null : readServerFiles(tls);
    if (files !== null && files.ca === undefined && tokens === undefined && !insecure) {
      throw new TrainyardError(
        "USAGE",
        `no client could identify itself: ${tls} has no ca.crt, and there is no --tokens FILE (trainyard tokens create makes one)`,
      );
    }
    const kept = (error: Error) => onKept?.(`${error.message}; the former one stays in use`);
    const list = tokens === undefined ? null : watchTokens(tokens, kept);
    const source = tls === undefined ? null : watchFiles(tls, kept);
    return new ServerSecurity(source, list, list === null && (files === null || insecure));
  }

  /** How many calls and streams of identified peers are open. */
  get openCalls(): number {
    return this.#admissions.size;
  }

  /**
   * Lets a call in, or says why not. It is the only way in, so every call that was let in can be ended: `onRevoked` ends
   * it with a sentence once its token is revoked, has expired or has lost the role. It is called at most once, and never
   * after `release`.
   */
  admit(credentials: Credentials, needed: Role, onRevoked: (sentence: string) => void): Verdict {
    if (this.openToAll) {
      const peer = { role: needed, name: "anyone", key: "anyone" };
      return { tag: "allowed", peer, release: () => undefined };
    }
    const known = this.#identify(credentials);
    if (known === null) return { tag: "unknown", sentence: this.#askFor(credentials, needed) };
    const { peer, entry } = known;
    if (!allows(peer.role, needed)) {
      const sentence = `this needs the role ${needed}, and ${peer.name} has the role ${peer.role}`;
      return { tag: "forbidden", sentence };
    }
    const refusal = () => (entry === null ? null : this.#refusalNow(entry, needed, peer.name));
    return { tag: "allowed", peer, release: this.#admissions.keep({ refusal, onRevoked }) };
  }

  /** The peer that these credentials identify; null when they identify none. */
  #identify({ token, subject }: Credentials): Known | null {
    // Where tokens are in use, a token that is presented decides alone.
    if (token === undefined || this.#tokens === null) {
      const peer = subject === undefined ? null : peerOf(subject);
      return peer === null ? null : { peer, entry: null };
    }
    const entry = findToken(this.#tokens.current, token, new Date());
    if (entry === null) return null;
    const { id, role, name = id } = entry;
    return { peer: { role, name, key: `token:${id}` }, entry };
  }

  /** Why a call that was let in by this token may not go on; null while it may. */
  #refusalNow({ id, sha256 }: TokenEntry, needed: Role, name: string): string | null {
    const isSame = (entry: TokenEntry) => entry.id === id && entry.sha256 === sha256;
    const entry = this.#tokens?.current.find(isSame);
    if (entry === undefined || !isValid(entry, new Date()))
      return `the token of ${name} was revoked or has expired`;
    return allows(entry.role, needed) ? null : `the token of ${name} has the role ${entry.role} now`;
  }

  close(): void {
    this.tls?.close();
    this.#tokens?.close();
  }

  #askFor({ token }: Credentials, needed: Role): string {
    if (token !== undefined) return "this token is unknown here, revoked or expired";
    const means = [
      ...(this.#tokens === null ? [] : ["a token (TRAINYARD_TOKEN or --token-file)"]),
      ...(this.tls?.current.ca === undefined ? [] : ["a client certificate of this CA (--tls FOLDER)"]),
    ];
    return `this needs ${means.join(" or ")} of the role ${needed}`;
  }
}

/** The one role that its OU names. Null: none, or several. */
function peerOf({ CN, OU }: CertificateSubject): Peer | null {
  const [role, ...more] = [OU ?? []].flat().filter(isRole);
  if (role === undefined || more.length > 0) return null;
  const name = [CN ?? role].flat().join("+");
  return { role, name, key: `certificate:${name}` };
}

const watchFiles = (folder: string, onKept: (error: Error) => void) =>
  new Watched({ read: () => readServerFiles(folder), textOf: textOfFiles, onKept });

/** Watches a token file. The compared text includes each token's validity, so that an expiry counts as a change. */
const watchTokens = (file: string, onKept: (error: Error) => void) =>
  new Watched<readonly TokenEntry[]>({
    read: () => readTokenFile(file),
    textOf: (entries) => JSON.stringify([entries, entries.map((entry) => isValid(entry, new Date()))]),
    onKept,
  });
