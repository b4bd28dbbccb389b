import { defineConfig } from "vitest/config";

/** Unit tests that need a process of their own: they count its threads or measure what its heap holds. */
const alone = ["test/unit/decode-pool.test.ts", "test/unit/worker-leaks.test.ts"];

/** Native libraries (TensorFlow, sharp) are shared by a process, so every pool is one of processes. */
const pool = "forks";

export default defineConfig({
  test: {
    // Deadlines tell what hangs, not what is slow: the machine may be busy with something else.
    testTimeout: 300_000,
    hookTimeout: 600_000,
    globalSetup: "test/support/setup/shared-fixtures-folder.ts",
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts", "test/property/**/*.test.ts"],
          exclude: alone,
          pool,
          // One process runs many files: modules are loaded once, which halves the time. So a test puts back what it changes.
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: [...alone, "test/sim/**/*.test.ts"],
          pool,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "programs",
          include: ["contract", "parity", "e2e", "fuzz"].map((room) => `test/${room}/**/*.test.ts`),
          pool,
          // More than the two cores that a small machine has: most of these files wait for other processes and for deadlines.
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
