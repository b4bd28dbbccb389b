/** The reducers of one worker's steps: a step is begun as soon as the one before it is committed. */
import { ReducerPool } from "../../../coordinator/reducers/pool.js";
import type { Wire } from "../../../shared/grpc/wire.js";
import { letHeapGrow } from "../../../shared/heap.js";
import { adamSpec, firstStep } from "../../support/optimizers.js";

letHeapGrow();
const [parametersText, reducersText, wire] = process.argv.slice(2);
const update = firstStep(adamSpec, 1);
let step = 0;
const counts = { loaded: 0, whole: 0 };
const reducers = Number(reducersText);
const begin = () => pool.begin({ step, attempt: 0, present: [0], banned: [] });
const pool = new ReducerPool({
  identity: { run: "distance", generation: 1, lanes: 1, momentVectors: 2, tolerance: 0, wire: wire as Wire },
  parameterCount: Number(parametersText),
  reducers,
  host: "127.0.0.1",
  port: 0,
  onTraffic: () => undefined,
  onRefused: (reason) => console.error(`refused: ${reason}`),
  onEvent: (event) => {
    if (event.tag === "fatal") throw new Error(event.message);
    if (event.tag === "sliceLoaded") {
      counts.loaded += 1;
      if (counts.loaded === reducers) begin();
    }
    if (event.tag !== "sliceWhole") return;
    counts.whole += 1;
    if (counts.whole < reducers) return;
    counts.whole = 0;
    pool.apply(step, update, false);
    step += 1;
    begin();
  },
});
process.send?.(await pool.start());
