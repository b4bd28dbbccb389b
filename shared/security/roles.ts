/** Who may do what. A peer has one role, by its token or by the OU of its certificate's subject. */

/**
 * worker: joins and exchanges tensors. viewer: reads status, metrics, page, curve, lists. operator: what a viewer may,
 * and submits, cancels and stops. A worker may not look, an operator may not join.
 */
export const roles = ["worker", "viewer", "operator"] as const;
/** What a peer may do. */
export type Role = (typeof roles)[number];

/** True when a word names a role. */
export const isRole = (word: string): word is Role => (roles as readonly string[]).includes(word);

/** True when a peer with the role `held` may do what needs the role `needed`. */
export const allows = (held: Role, needed: Role): boolean =>
  held === needed || (held === "operator" && needed === "viewer");

/** Whom a call comes from. */
export interface Peer {
  readonly role: Role;
  /** The peer's name for people and logs: the token's name or id, or the certificate's CN. */
  readonly name: string;
  /** Identifies the credential: `token:ID`, `certificate:CN`, or `anyone` where every peer is let in. */
  readonly key: string;
}
