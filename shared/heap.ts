/**
 * How readily V8 marks the heap of a process that moves tensors. Their chunks lie outside the heap, 20 MB of them a step,
 * and young collections free them; yet V8 counts them, and by default marks the whole heap once or more a step.
 */
import { setFlagsFromString } from "node:v8";

/** The heap is marked when it and what hangs on it has grown to five times what the last marking left. */
const growingPercent = 400;
/** Of threads that start later: until the first marking. Their own heap is 10 to 20 MB. */
const initialMegabytes = 128;

/**
 * For the processes that carry gradients and weights: at most 5 x their heap of 30 to 40 MB more memory for 20 to 40 ms
 * less of the CPU per step. At the start, before threads are made.
 */
export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
  setFlagsFromString(`--initial-old-space-size=${initialMegabytes}`);
}
