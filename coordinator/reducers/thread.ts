/** Entry of a reducer's thread. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { ReducerOptions } from "./messages.js";
import { runReducer } from "./reducer.js";

runReducer(workerData as ReducerOptions, parentPort as MessagePort);
