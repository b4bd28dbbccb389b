/** Options that every function of the library takes. */
import { defaultStore } from "../shared/settings/process-settings.js";
import type { ObjectStore, StorePurpose } from "../shared/store/object-store.js";
import { openStore } from "../shared/store/open.js";

export interface CommonOptions {
  /**
   * Where data sets and runs live: `file:FOLDER` or `s3://HOST:PORT/BUCKET[/PREFIX]`. Credentials of S3 come from the
   * environment, as for the command line. Default: `file:.trainyard`.
   */
  readonly store?: string | undefined;
  /** Ends the call early. It then rejects with a TrainyardError INTERRUPTED, whose cause is the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called with a sentence for people: that the store has to be waited for, that a worker was started again. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

/** Opens the store for what the call does with it. Errors: openStore's. */
export function openGivenStore(
  { store = defaultStore, onNotice }: CommonOptions,
  signal: AbortSignal,
  purpose: StorePurpose,
): Promise<ObjectStore> {
  return openStore(store, { purpose, signal, onWaiting: (message) => onNotice?.(message) });
}
