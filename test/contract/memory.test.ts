/** The store in memory, on which unit tests rest: the contract of the real ones. */
import { MemoryStore } from "../support/memory-store.js";
import { describeObjectStore } from "./object-store.contract.js";

describeObjectStore(
  "memory",
  async () => {
    const store = new MemoryStore();
    return { store, trace: async () => store.changes, close: async () => undefined };
  },
  { isInMemory: true },
);
