/** The coordinator's shell: what the core can't take ends the run in the open, and never leaves it standing still. */
import { Writable } from "node:stream";
import { expect, it } from "vitest";
import { ControlServer } from "../../coordinator/control-server.js";
import type { CoreEvent } from "../../coordinator/core/events.js";
import { Shell } from "../../coordinator/shell.js";
import { createLogger } from "../../shared/log.js";
import { coordinatorMetrics } from "../../shared/metrics.js";
import { CoreDriver, tinySpec } from "../support/core-driver.js";
import { MemoryStore } from "../support/memory-store.js";

function shellOf(core: CoreDriver) {
  const lines: string[] = [];
  const destination = new Writable({
    write: (chunk, _, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  const shell = new Shell({
    spec: core.state.plan.spec,
    store: new MemoryStore(),
    storeAddress: "memory:",
    state: core.state,
    host: "127.0.0.1",
    tensorPort: 0,
    reducers: 1,
    logger: createLogger({ role: "coordinator", destination, pretty: false }),
    metrics: coordinatorMetrics(),
  });
  return { shell, lines };
}

const nonsense = { tag: "nonsense" } as unknown as CoreEvent;

it("an event that breaks an invariant fails the run with its reason; later events are still taken", async () => {
  const { shell, lines } = shellOf(new CoreDriver(tinySpec()));
  expect(() => shell.dispatch(nonsense)).not.toThrow();
  expect(await shell.ended).toMatchObject({
    tag: "failed",
    reason: expect.stringContaining("invariant broken"),
  });
  expect(shell.state.phase).toMatchObject({ tag: "ended", outcome: { tag: "failed" } });
  expect(lines.join("")).toContain("shell.test.ts");
  shell.dispatch(nonsense);
  shell.dispatch({ tag: "stop", reason: "asked" });
  await shell.close();
});

it("a state that breaks every event ends the run all the same", async () => {
  const core = new CoreDriver(tinySpec());
  const { shell } = shellOf(Object.assign(core, { state: { ...core.state, workers: null } }));
  shell.dispatch({ tag: "stop", reason: "asked" });
  expect(await shell.ended).toMatchObject({ tag: "failed" });
  await shell.close();
});

it("what comes before the run is taken waits for the start, in order", async () => {
  const { shell } = shellOf(new CoreDriver(tinySpec()));
  shell.hold();
  shell.dispatch({ tag: "stop", reason: "the first" });
  shell.dispatch({ tag: "stop", reason: "the second" });
  expect(shell.state.phase.tag).toBe("gathering");
  const ignore = () => undefined;
  shell.start(
    new ControlServer({
      run: "test",
      generation: 1,
      onEvent: ignore,
      onMalformed: ignore,
      onDropped: ignore,
    }),
  );
  expect(await shell.ended).toEqual({ tag: "stopped", reason: "the first" });
  await shell.close();
});
