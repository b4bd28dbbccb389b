/** A finished run's curve, read where the run published it. */
import { type Curve, fromJson } from "../../shared/curve.js";
import { findPublication, publishedKey } from "../../shared/publication.js";
import { openStore } from "../../shared/store/open.js";
import type { RunOptions } from "./program.js";

/** `store`: its address. Errors: the store's. */
export async function finishedCurve(
  run: string,
  { store: address, env }: Pick<RunOptions, "env"> & { readonly store: string },
): Promise<Curve> {
  const store = await openStore(address, { environment: { ...process.env, ...env } });
  const folder = (await findPublication(store, run))?.folder ?? "";
  const bytes = await store.get(publishedKey(run, folder, "curve.json"));
  return fromJson(Buffer.from(bytes).toString("utf8"));
}
