/** A run's state as a coordinator describes it, checked as it comes: what run-state.ts read over there. */
import { z } from "zod";
import type { RunState } from "../runs/run-state.js";
import { TrainyardError } from "../shared/errors.js";
import { RunResult } from "../shared/result.js";
import { RunSpec } from "../shared/spec.js";
import { EndRecord, RunStatus } from "../shared/status.js";

const count = z.number().int().nonnegative();

const State = z.discriminatedUnion("tag", [
  z.object({ tag: z.literal("created") }),
  z.object({ tag: z.literal("queued"), ahead: count }),
  z.object({ tag: z.literal("live"), http: z.string(), status: RunStatus }),
  z.object({ tag: z.literal("closed"), end: EndRecord }),
  z.object({ tag: z.literal("interrupted"), generation: count, http: z.string(), mayLive: z.boolean() }),
  z.object({
    tag: z.literal("ended"),
    generation: count,
    folder: z.string(),
    result: RunResult,
    document: z.unknown(),
  }),
]);

const Described = z.object({ run: z.string(), spec: RunSpec, state: State });
const Damaged = z.object({ run: z.string(), damaged: z.string() });

/** A sentence instead of a state: the run's files are damaged. Errors: REFUSED for what is neither. */
export function describedRun(value: unknown): RunState | { readonly run: string; readonly damaged: string } {
  const damaged = Damaged.safeParse(value);
  if (damaged.success) return damaged.data;
  const described = Described.safeParse(value);
  if (described.success) return described.data as RunState;
  throw new TrainyardError(
    "REFUSED",
    "the coordinator describes runs as no coordinator of this version does: install one version on both",
    { cause: described.error },
  );
}
