/** The model's curve to a thousand workers as docs/scaling.md has it, in rows of Markdown. Pure; a test compares. */
import type { Costs, Scenario } from "../../../plan/scenario.js";
import { predictStep } from "../../../plan/step-model.js";
import { limits } from "../../../shared/limits.js";

const nets = [
  ["classic", 1_142_529],
  ["MobileNetV2", 3_504_872],
  ["ResNet-18", 11_689_512],
  ["ResNet-50", 25_557_032],
  ["100 million", 100_000_000],
] as const;

const links = [1, 10, 25] as const;
const fleets = [1, 10, 100, 1_000] as const;

/** What the curve takes for granted besides the costs. */
const assumed = { computeSeconds: 1, latencySeconds: 1e-3, coordinatorCores: 16, reducers: 8 };

/** Of threads: the lowest that this bench measured on two cores of a Xeon, rounded. */
const costs: Costs = {
  callSeconds: assumed.computeSeconds,
  engineThreads: 1,
  setWeightsSeconds: 0,
  imageSeconds: 0,
  workerAddSeconds: 1.4e-9,
  workerSendSeconds: 0.7e-9,
  workerReceiveSeconds: 0.7e-9,
  reducerReceiveSeconds: 2.3e-9,
  reducerSendSeconds: 0.4e-9,
  addSeconds: 0.3e-9,
  reportSeconds: 0.3e-9,
  applySeconds: 1e-9,
  hopSeconds: 2e-4,
};

interface CurvePoint {
  readonly parameters: number;
  readonly gigabits: number;
  readonly workers: number;
  readonly bytesPerParameter?: number;
  readonly calls?: number;
  readonly reducers?: number;
}

/** A lane for each worker: weak scaling. */
function pointOf(point: CurvePoint): { exchange: number; efficiency: number } {
  const { reducers = assumed.reducers, calls = 1, bytesPerParameter = 4 } = point;
  const free = Number.POSITIVE_INFINITY;
  const scenario: Scenario = {
    work: {
      lanes: point.workers,
      callsPerLane: calls,
      images: point.workers,
      parameters: point.parameters,
      bytesPerParameter,
    },
    costs,
    cluster: {
      workers: point.workers,
      workersPerMachine: 1,
      workersPerThread: 1,
      cores: assumed.coordinatorCores,
      coordinatorCores: assumed.coordinatorCores,
      reducers,
      link: {
        name: `${point.gigabits} Gbit/s`,
        bytesPerSecond: ((point.gigabits * 1e9) / 8) * (1448 / 1538),
        latencySeconds: assumed.latencySeconds,
        windowBytes: limits.receiveWindowBytes,
        upBytesPerSecond: free,
        downBytesPerSecond: free,
      },
    },
  };
  const { seconds, efficiency } = predictStep(scenario);
  return { exchange: seconds - calls * assumed.computeSeconds, efficiency };
}

const heads = fleets.map((workers) =>
  workers === 1 ? "1 worker" : `${workers.toLocaleString("en")} workers`,
);
const written = (seconds: number) => (seconds < 10 ? seconds.toPrecision(2) : seconds.toFixed(0));
const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
const markdown = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;

/** Seconds that an exchange adds to a step, and the efficiency with a second of computing between two. */
export function curveTable(): string[] {
  const rows = nets.flatMap(([name, parameters]) =>
    links.map((gigabits) => {
      const points = fleets.map((workers) => pointOf({ parameters, gigabits, workers }));
      const cells = points.map(
        ({ exchange, efficiency }) => `${written(exchange)} s, ${percent(efficiency)}`,
      );
      return markdown([name, `${gigabits} Gbit/s`, ...cells]);
    }),
  );
  return [
    markdown(["net", "link", ...heads]),
    markdown(["---", "---", ...fleets.map(() => "---:")]),
    ...rows,
  ];
}

/** What moves the limit, for one net and link. */
export function remedyTable(): string[] {
  const [name, parameters] = nets[3];
  const gigabits = 10;
  const remedies: [string, Partial<CurvePoint>][] = [
    ["as it is", {}],
    ["`--reducers 1`", { reducers: 1 }],
    ["`--wire bfloat16`", { bytesPerParameter: 2 }],
    ["`--accumulate 8` or `--local-steps 8`", { calls: 8 }],
    ["both", { calls: 8, bytesPerParameter: 2 }],
  ];
  const rows = remedies.map(([remedy, change]) => {
    const points = fleets.map((workers) => pointOf({ parameters, gigabits, workers, ...change }));
    return markdown([remedy, ...points.map(({ efficiency }) => percent(efficiency))]);
  });
  const head = markdown([`${name}, ${gigabits} Gbit/s`, ...heads]);
  return [head, markdown(["---", ...fleets.map(() => "---:")]), ...rows];
}
