/** Whom `trainyard runs` asks: the store, or a standing coordinator. Both are asked the same and answer alike. */

import type { RunState } from "../runs/run-state.js";
import type { RunEvent } from "../shared/run-events.js";
import type { RunStatus } from "../shared/status.js";
import type { Progress } from "./progress.js";

export interface RunsSource {
  /** Runs whose files are damaged are a sentence instead. */
  list(): Promise<readonly (RunState | { readonly run: string; readonly damaged: string })[]>;
  /** `name`: the whole name, its beginning, or latest. Errors: NOT_FOUND with the nearest names, USAGE, DAMAGED. */
  show(name: string): Promise<RunState>;
  /** Shows it until it has ended; its last status. `progress`: null = quiet. Errors: NOT_FOUND, UNREACHABLE. */
  follow(name: string, progress: Progress | null): Promise<RunStatus>;
  /** stopping, cancelled (it only waited), or idle (it does not run). Errors: NOT_FOUND, UNREACHABLE. */
  stop(name: string): Promise<{ readonly run: string; readonly state: string }>;
  /** What happened in it, in words. `isFollowed`: also what is yet to come, where the source can tell. */
  logs(name: string, isFollowed: boolean): AsyncIterable<RunEvent>;
  close(): void;
}
