/** The store in memory, on which unit tests rest: the contract of the real ones. */
import { MemoryStore } from "../support/memory-store.js";
import { describeObjectStore } from "./object-store.contract.js";

describeObjectStore("memory", async () => ({ store: new MemoryStore(), close: async () => undefined }), {
  isInMemory: true,
});
