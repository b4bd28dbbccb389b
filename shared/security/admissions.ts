/**
 * The calls and streams that a server has let in and that are still open. Each brings a function that ends it, which is
 * called once its token is revoked, has expired, or has lost the role that the call needs.
 */

/** One open call or stream. */
interface Admission {
  /** Why the call may not go on; null while it may. */
  readonly refusal: () => string | null;
  /** Ends the call, with a sentence for its caller. */
  readonly onRevoked: (sentence: string) => void;
}

/** The open calls of a server's peers. */
export class Admissions {
  readonly #open = new Set<Admission>();

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Keeps an open call. Returns what forgets it once it is over. */
  keep(admission: Admission): () => void {
    this.#open.add(admission);
    return () => this.#open.delete(admission);
  }

  /** Ends the calls that may not go on. */
  review(): void {
    for (const admission of [...this.#open]) {
      const sentence = admission.refusal();
      if (sentence === null) continue;
      this.#open.delete(admission);
      admission.onRevoked(sentence);
    }
  }
}
