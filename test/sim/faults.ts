/**
 * What can go wrong, as plain values: a seed's plan and a scenario's script are lists of these. Each happens at its
 * moment; those with `forMs` end by themselves. What they do is in the simulation.
 */

/** Workers by number from 1; a number beyond the last one means one of those there are. */
export type FaultAct =
  | { readonly act: "kill worker"; readonly worker: number; readonly downMs: number }
  /** SIGTERM; another one is started in its place. */
  | { readonly act: "drain worker"; readonly worker: number }
  | { readonly act: "freeze worker"; readonly worker: number; readonly forMs: number }
  /** Nothing reaches it, nothing leaves it, and nobody is told. */
  | { readonly act: "cut off worker"; readonly worker: number; readonly forMs: number }
  | {
      readonly act: "break streams";
      readonly worker: number;
      /** Null = all of them. */
      readonly method: "join" | "weights" | "upload" | null;
    }
  | { readonly act: "slow worker"; readonly worker: number; readonly factor: number; readonly forMs: number }
  /** Its next gradient is NaN. */
  | { readonly act: "poison worker"; readonly worker: number }
  /** In an element of its next gradient, float32: 23 to 30 are the exponent. The gradient stays finite. */
  | { readonly act: "flip bit"; readonly worker: number; readonly bit: number }
  /** This worker, or every worker for null, can't read each `every`th sample of both splits: its bytes are damaged there. */
  | {
      readonly act: "unreadable samples";
      readonly worker: number | null;
      readonly every: number;
      readonly forMs: number;
    }
  /** Every worker needs so many times longer for an evaluation block. */
  | { readonly act: "slow evaluations"; readonly factor: number; readonly forMs: number }
  /** An export by any worker takes so long, for the rest of the run. */
  | { readonly act: "slow export"; readonly exportMs: number }
  /** Nine of ten workers leave for good; at least one stays. */
  | { readonly act: "shrink fleet" }
  | { readonly act: "new worker" }
  /** For good, unless it is the last one. */
  | { readonly act: "remove worker"; readonly worker: number }
  /** Messages that it once sent arrive once more, on the stream that it has now. */
  | { readonly act: "repeat messages"; readonly worker: number; readonly method: "join" | "upload" }
  | { readonly act: "kill coordinator"; readonly downMs: number }
  /** As soon as so many more objects are in the store. */
  | { readonly act: "kill coordinator at put"; readonly puts: number; readonly downMs: number }
  | {
      readonly act: "freeze coordinator at put";
      readonly puts: number;
      readonly forMs: number;
      readonly rival: boolean;
    }
  /** SIGTERM; it is started again. */
  | { readonly act: "stop coordinator" }
  /** `rival`: another one is started for the run meanwhile. */
  | { readonly act: "freeze coordinator"; readonly forMs: number; readonly rival: boolean }
  | { readonly act: "cut off coordinator"; readonly forMs: number; readonly rival: boolean }
  | { readonly act: "rival coordinator" }
  | { readonly act: "store away"; readonly forMs: number }
  /** The store has no space: nothing can be written. */
  | { readonly act: "store full"; readonly forMs: number }
  | { readonly act: "store read-only"; readonly forMs: number }
  | { readonly act: "store slow"; readonly latencyMs: number; readonly forMs: number }
  | { readonly act: "store flaky"; readonly failures: number; readonly forMs: number }
  /** That share of what workers say and upload arrives once more, up to 4 s later. */
  | { readonly act: "echoes"; readonly share: number; readonly forMs: number }
  | { readonly act: "network slow"; readonly latencyMs: number; readonly forMs: number };

export type Fault = FaultAct & { readonly atMs: number };

/** One line for people. */
export function describe(fault: FaultAct): string {
  const { act, ...rest } = fault;
  const details = Object.entries(rest)
    .filter(([name]) => name !== "atMs")
    .map(([name, value]) => `${name} ${value}`);
  return details.length === 0 ? act : `${act} (${details.join(", ")})`;
}

/** When the last of them is over. */
export function endOf(faults: readonly Fault[]): number {
  return faults.reduce((last, fault) => {
    const lasts = "forMs" in fault ? fault.forMs : "downMs" in fault ? fault.downMs : 0;
    return Math.max(last, fault.atMs + lasts);
  }, 0);
}
