/** A store whose calls are counted is still a store. */
import { realClock } from "../../shared/clock.js";
import { workerMetrics } from "../../shared/metrics.js";
import { meteredStore } from "../../shared/store/metered.js";
import { MemoryStore } from "../support/memory-store.js";
import { describeObjectStore } from "./object-store.contract.js";

describeObjectStore(
  "metered",
  async () => ({
    store: meteredStore(new MemoryStore(), workerMetrics(), realClock),
    close: async () => undefined,
  }),
  { isInMemory: true },
);
