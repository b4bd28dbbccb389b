/** A store whose calls are counted is still a store. */
import { realClock } from "../../shared/clock.js";
import { workerMetrics } from "../../shared/metrics.js";
import { meteredStore } from "../../shared/store/metered.js";
import { MemoryStore } from "../support/memory-store.js";
import { describeObjectStore } from "./object-store.contract.js";

describeObjectStore(
  "metered",
  async () => {
    const memory = new MemoryStore();
    const store = meteredStore(memory, workerMetrics(), realClock);
    return { store, trace: async () => memory.changes, close: async () => undefined };
  },
  { isInMemory: true },
);
