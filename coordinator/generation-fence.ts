/**
 * The store as the owner of a run sees it: once another coordinator has the run, nothing is written or deleted any more,
 * and calls under way end. Before anything is deleted, the ownership is looked up: what a former coordinator deletes is
 * lost for the one that goes on, while what it writes is only never read.
 */
import type { ObjectStore } from "../shared/store/object-store.js";
import type { Ownership } from "./ownership/ownership.js";

/** A view of the store that refuses writes and deletes as soon as another coordinator owns the run. */
export function fencedStore(
  store: ObjectStore,
  ownership: Pick<Ownership, "fenced" | "confirm">,
): ObjectStore {
  const { fenced } = ownership;
  const within = <T extends { readonly signal?: AbortSignal }>(options: T | undefined) => ({
    ...options,
    signal: options?.signal === undefined ? fenced : AbortSignal.any([options.signal, fenced]),
  });
  return {
    url: store.url,
    open: (options) => store.open(options),
    put: (key, body, options) => store.put(key, body, within(options)),
    get: (key, options) => store.get(key, options),
    stream: (key, options) => store.stream(key, options),
    freeBytes: () => store.freeBytes(),
    stat: (key, options) => store.stat(key, options),
    list: (prefix, options) => store.list(prefix, options),
    delete: async (key, options) => {
      await ownership.confirm();
      await store.delete(key, within(options));
    },
  };
}
