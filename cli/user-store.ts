/** The store that a command line names, opened so that its user sees when it has to be waited for. */
import type { ObjectStore } from "../shared/store/object-store.js";
import { openStore } from "../shared/store/open.js";

/** `create: false` where a missing folder or bucket is a mistake and not a beginning. Errors: openStore's. */
export function openUserStore(
  url: string,
  signal: AbortSignal,
  options: { readonly create?: boolean } = {},
): Promise<ObjectStore> {
  return openStore(url, { ...options, signal, onWaiting: notice });
}

/** Writes a sentence for the user to standard error. */
export const notice = (message: string): void => void process.stderr.write(`${message}\n`);
