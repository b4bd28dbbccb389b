/**
 * A value that is read from files which may change while a server runs. It looks at the files every second and does not
 * use the system's notifications: Kubernetes swaps links, editors rename, and some mounts notify of nothing. When a new
 * value can't be used, the former one stays, and the owner is told once.
 */
import { limits } from "../limits.js";

/** How a value is read from files and compared. */
export interface WatchedOptions<T> {
  /** Reads and checks it. Throws a sentence. */
  readonly read: () => T;
  /** Equal texts mean that nothing has changed. */
  readonly textOf: (value: T) => string;
  /** Told why the former value is kept. */
  readonly onKept: (error: Error) => void;
}

/** A value that follows the files from which it is read. */
export class Watched<T> {
  readonly #options: WatchedOptions<T>;
  readonly #listeners = new Set<(value: T) => void>();
  readonly #timer: NodeJS.Timeout;
  #current: T;
  #text: string;
  #complaint = "";

  /** Throws what `read` throws. */
  constructor(options: WatchedOptions<T>) {
    this.#options = options;
    this.#current = options.read();
    this.#text = options.textOf(this.#current);
    this.#timer = setInterval(() => this.look(), limits.securityLookMs);
    this.#timer.unref();
  }

  get current(): T {
    return this.#current;
  }

  /** Called with each new value. Returns what calls that off. */
  onChange(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads it now. Also a value that was kept may have changed: with time, tokens expire. */
  look(): void {
    const value = this.#read();
    const text = this.#options.textOf(value);
    if (text === this.#text) return;
    [this.#current, this.#text] = [value, text];
    for (const listener of [...this.#listeners]) listener(value);
  }

  /** The value in the files, or the former one when that can't be used. */
  #read(): T {
    try {
      const value = this.#options.read();
      this.#complaint = "";
      return value;
    } catch (caught) {
      const error = caught instanceof Error ? caught : new Error(String(caught));
      if (error.message !== this.#complaint) this.#options.onKept(error);
      this.#complaint = error.message;
      return this.#current;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }
}
