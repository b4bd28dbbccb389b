/** The store that a command line names, opened so that its user sees when it has to be waited for. */
import type { ObjectStore, StorePurpose } from "../shared/store/object-store.js";
import { openStore } from "../shared/store/open.js";

/** Opens the store for what the command does with it. Errors: openStore's. */
export function openUserStore(url: string, signal: AbortSignal, purpose: StorePurpose): Promise<ObjectStore> {
  return openStore(url, { purpose, signal, onWaiting: notice });
}

/** Writes a sentence for the user to standard error. */
export const notice = (message: string): void => void process.stderr.write(`${message}\n`);
