/** The model of a step: what it must say at its limits, where the right answer is known without it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { adviceFor } from "../../plan/advice.js";
import { bottleneckOf } from "../../plan/bottleneck.js";
import { strongScaling, weakScaling } from "../../plan/scaling.js";
import {
  type Cluster,
  type Costs,
  freeCosts,
  freeLink,
  type Link,
  type Scenario,
  type StepWork,
} from "../../plan/scenario.js";
import { Fluid } from "../../plan/shared-resources.js";
import { nodesOfRange, workerClasses } from "../../plan/shares.js";
import { predictStep } from "../../plan/step-model.js";
import { nodesToSend } from "../../shared/tree.js";

const unlimited = Number.POSITIVE_INFINITY;

/** Nothing costs anything but computing: 0.1 s a call. */
const freeExchange: Costs = { ...freeCosts, callSeconds: 0.1 };

/** About what a machine of two cores has. */
const realCosts: Costs = {
  ...freeExchange,
  workerAddSeconds: 1e-9,
  workerSendSeconds: 1e-9,
  workerReceiveSeconds: 1e-9,
  reducerReceiveSeconds: 1.5e-9,
  reducerSendSeconds: 1e-9,
  addSeconds: 0.7e-9,
  reportSeconds: 0.5e-9,
  applySeconds: 2e-9,
  hopSeconds: 2e-4,
};

interface Change {
  readonly work?: Partial<StepWork>;
  readonly costs?: Partial<Costs>;
  readonly cluster?: Partial<Cluster>;
  readonly link?: Partial<Link>;
}

const scenarioOf = ({ work, costs, cluster, link }: Change, base = freeExchange): Scenario => ({
  work: { lanes: 8, callsPerLane: 1, images: 128, parameters: 1e6, bytesPerParameter: 4, ...work },
  costs: { ...base, ...costs },
  cluster: {
    workers: 1,
    workersPerMachine: 1,
    workersPerThread: 1,
    cores: 16,
    coordinatorCores: 16,
    reducers: 1,
    link: { ...freeLink, ...link },
    ...cluster,
  },
});
const step = (change: Change, base = freeExchange) => predictStep(scenarioOf(change, base));

describe("flows", () => {
  it("share a resource equally, and what one leaves over goes to the other", () => {
    const fluid = new Fluid();
    const pipe = fluid.resource(10);
    const ends: Record<string, number> = {};
    const flow = (name: string, size: number, fastest: number) =>
      fluid.start({ size, fastest, uses: [{ resource: pipe, perUnit: 1 }] }, () => {
        ends[name] = fluid.now;
      });
    flow("short", 10, 10);
    flow("long", 30, 10);
    expect(fluid.run()).toBeCloseTo(4, 8);
    expect(ends["short"]).toBeCloseTo(2, 8); // 5 units a second each
    expect(ends["long"]).toBeCloseTo(4, 8); // 20 left, alone at 10
  });

  it("that another resource holds back leave the rest to those that can use it", () => {
    const fluid = new Fluid();
    const [wide, narrow] = [fluid.resource(10), fluid.resource(2)];
    const both = [wide, narrow].map((resource) => ({ resource, perUnit: 1 }));
    const ends: number[] = [];
    fluid.start({ size: 4, fastest: 10, uses: both }, () => ends.push(fluid.now));
    fluid.start({ size: 16, fastest: 10, uses: [{ resource: wide, perUnit: 1 }] }, () =>
      ends.push(fluid.now),
    );
    fluid.run();
    expect(ends.map((end) => Math.round(end * 1e6) / 1e6)).toEqual([2, 2]);
  });

  it("never beat any resource, and waste none when all want the same", () => {
    const sizes = fc.array(fc.double({ min: 0.1, max: 100, noNaN: true }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(sizes, fc.double({ min: 0.5, max: 20, noNaN: true }), (all, capacity) => {
        const fluid = new Fluid();
        const pipe = fluid.resource(capacity);
        for (const size of all) {
          const uses = [{ resource: pipe, perUnit: 1 }];
          fluid.start({ size, fastest: unlimited, uses }, () => undefined);
        }
        const total = all.reduce((sum, size) => sum + size, 0);
        expect(fluid.run()).toBeCloseTo(total / capacity, 6);
      }),
    );
  });
});

describe("shares", () => {
  it("are the coordinator's: every lane once, each worker's are the nodes that it sends", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 96 }), fc.integer({ min: 1, max: 40 }), (lanes, workers) => {
        const classes = workerClasses(lanes, workers);
        const counted = classes.reduce((sum, { count }) => sum + count, 0);
        const given = classes.reduce(
          (sum, { count, nodes }) => sum + count * nodes.reduce((of, node) => of + node, 0),
          0,
        );
        expect([counted, given]).toEqual([workers, lanes]);
      }),
    );
    const range = fc
      .tuple(fc.integer({ min: 1, max: 64 }), fc.nat(64), fc.nat(64))
      .map(([lanes, a, b]) => ({ lanes, begin: Math.min(a, b) % lanes, end: Math.max(a, b) % (lanes + 1) }))
      .filter(({ begin, end }) => begin < end);
    fc.assert(
      fc.property(range, ({ lanes, begin, end }) => {
        const present = new Set(Array.from({ length: lanes }, (_, lane) => lane));
        const owned = new Set([...present].filter((lane) => lane >= begin && lane < end));
        expect(nodesOfRange({ begin, end }, lanes)).toEqual(nodesToSend(owned, present, lanes));
      }),
    );
  });
});

describe("a step", () => {
  it("with a free exchange is nothing but computing: efficiency 1", () => {
    for (const workers of [1, 2, 4, 8]) {
      const { seconds, efficiency } = step({ cluster: { workers } });
      expect(seconds).toBeCloseTo(0.8 / workers, 8);
      expect(efficiency).toBeCloseTo(1, 8);
    }
  });

  it("takes as long as the worker with the most lanes", () => {
    for (const workers of [1, 2, 3, 5, 6, 7, 8, 9, 100]) {
      expect(step({ cluster: { workers } }).seconds).toBeCloseTo(Math.ceil(8 / workers) * 0.1, 8);
    }
  });

  it("gains nothing from more workers than lanes", () => {
    const [eight, many] = [step({ cluster: { workers: 8 } }), step({ cluster: { workers: 64 } })];
    expect(many.seconds).toBeCloseTo(eight.seconds, 8);
    expect(many.efficiency).toBeCloseTo(1 / 8, 8);
    expect(many.bytesUp).toBe(eight.bytesUp);
  });

  it("without computing is the link's: every vector up, every vector down", () => {
    for (const workers of [1, 2, 8]) {
      const change = {
        costs: { callSeconds: 0 },
        cluster: { workers, link: { ...freeLink, bytesPerSecond: 1e8 } },
      };
      const { seconds, bytesUp, bytesDown } = step(change);
      expect([bytesUp, bytesDown]).toEqual([workers * 4e6, workers * 4e6]);
      expect(seconds).toBeCloseTo((bytesUp + bytesDown) / 1e8, 8);
    }
  });

  it("of half the bytes is half as long on such a link", () => {
    const on = (bytesPerParameter: number) =>
      step({ costs: { callSeconds: 0 }, work: { bytesPerParameter }, link: { bytesPerSecond: 1e8 } }).seconds;
    expect(on(2)).toBeCloseTo(on(4) / 2, 8);
  });

  it("exchanges once, however many calls a lane has", () => {
    const change = { link: { bytesPerSecond: 1e8 }, cluster: {} };
    const one = step({ ...change });
    const four = step({ ...change, work: { callsPerLane: 4, images: 512 } });
    expect(four.bytesUp).toBe(one.bytesUp);
    expect(four.seconds - one.seconds).toBeCloseTo(3 * 0.8, 8);
    expect(four.efficiency).toBeGreaterThan(one.efficiency);
  });

  it("sends a node while it computes the next: only the last upload is waited for", () => {
    // 3 of 6 lanes are the nodes 0-2 and 2-3, or 3-4 and 4-6: two uploads of 0.04 s each.
    const work = { lanes: 6 };
    const link = { upBytesPerSecond: 1e8 };
    const { parts } = step({ work, cluster: { workers: 2, link: { ...freeLink, ...link } } });
    expect(parts.compute).toBeCloseTo(0.3, 8);
    expect(parts.upload).toBeCloseTo(0.04, 8);
  });

  it("waits for every message once along its way: latency adds up to a whole number of trips", () => {
    const near = step({});
    const far = step({ link: { latencySeconds: 0.01 } });
    const trips = (far.seconds - near.seconds) / 0.01;
    expect(trips).toBeCloseTo(Math.round(trips), 8);
    expect(trips).toBeGreaterThanOrEqual(4); // weights, partial, answer, record
  });

  it("over a distance is held back by one stream's window", () => {
    const link = { latencySeconds: 0.01, windowBytes: 1e6 };
    const { seconds } = step({ costs: { callSeconds: 0 }, link });
    // 4 MB up and 4 MB down, 1 MB a round trip of 20 ms.
    expect(seconds).toBeGreaterThan(8 * 0.02);
    const wider = step({ costs: { callSeconds: 0 }, link: { ...link, windowBytes: 1e9 } });
    expect(wider.seconds).toBeLessThan(0.1);
  });

  it("of two engines on one core takes twice as long as on two", () => {
    const on = (cores: number) =>
      step({ cluster: { workers: 2, workersPerMachine: 2, cores, coordinatorCores: null } }).seconds;
    expect(on(1)).toBeCloseTo(2 * on(2), 8);
  });

  it("is no shorter than preparing its images", () => {
    const { seconds, parts } = step({ costs: { imageSeconds: 0.1 } });
    expect(seconds).toBeCloseTo((128 * 0.1) / 4, 8); // four threads
    expect(parts.images).toBeCloseTo(3.2 - 0.8, 8);
  });

  it("is made of its parts", () => {
    const { seconds, parts } = step({ cluster: { workers: 3 }, link: { latencySeconds: 1e-3 } }, realCosts);
    const sum = Object.values(parts).reduce((total, part) => total + part, 0);
    expect(sum).toBeCloseTo(seconds, 8);
    for (const part of Object.values(parts)) expect(part).toBeGreaterThanOrEqual(0);
  });

  it("is never shorter on a slower link, with more parameters, or with slower reducers", () => {
    const workers = fc.integer({ min: 1, max: 40 });
    const lanes = fc.integer({ min: 1, max: 40 });
    const megabytes = fc.integer({ min: 10, max: 5_000 });
    fc.assert(
      fc.property(workers, lanes, megabytes, (count, of, rate) => {
        const on = (change: Change) => {
          const link = { ...freeLink, bytesPerSecond: rate * 1e6, ...change.link };
          const cluster = { workers: count, link };
          return step({ ...change, work: { lanes: of, ...change.work }, cluster }, realCosts).seconds;
        };
        const now = on({}) * (1 - 1e-9);
        expect(on({ link: { bytesPerSecond: (rate * 1e6) / 2 } })).toBeGreaterThanOrEqual(now);
        expect(on({ work: { parameters: 2e6 } })).toBeGreaterThanOrEqual(now);
        expect(on({ costs: { reducerReceiveSeconds: 5e-9 } })).toBeGreaterThanOrEqual(now);
      }),
      { numRuns: 60 },
    );
  });
});

describe("scaling", () => {
  const scenario = scenarioOf({ link: { bytesPerSecond: 1e9 } }, realCosts);
  const both = { usual: scenario, best: scenario };

  it("in the strong sense ends at the lanes, in the weak sense where the coordinator is full", () => {
    const workers = [1, 2, 4, 8, 64, 512];
    const strong = strongScaling(both, workers);
    const speed = strong.map(({ usual }) => usual.imagesPerSecond);
    expect(speed[3]).toBeGreaterThan(speed[0] as number);
    expect(speed[5]).toBeLessThanOrEqual(speed[3] as number);
    const weak = weakScaling(both, workers);
    expect(weak.map(({ images }) => images)).toEqual(workers.map((count) => 128 * count));
    const efficiency = weak.map(({ usual }) => usual.efficiency);
    expect(efficiency).toEqual([...efficiency].sort((a, b) => b - a));
    // 4 MB up and down a worker at 1 GB/s, and what a reducer takes of both.
    const most = 128 / (4e6 * 2e-9);
    expect(weak.at(-1)?.usual.imagesPerSecond).toBeLessThan(most);
    expect(weak.at(-1)?.bottleneck.name).not.toBe("engine");
  });

  it("to a thousand workers costs a moment", () => {
    const [row] = weakScaling(both, [1_000]);
    expect(row?.usual.bytesDown).toBe(4e9);
  });
});

describe("the bottleneck", () => {
  const nameOf = (change: Change, base = realCosts) => bottleneckOf(scenarioOf(change, base)).name;

  it("is named by what would help most if it were free", () => {
    expect(nameOf({})).toBe("engine");
    expect(nameOf({ cluster: { workers: 8, link: { ...freeLink, bytesPerSecond: 1e7 } } })).toBe(
      "coordinator's link",
    );
    expect(nameOf({ costs: { callSeconds: 1e-3, applySeconds: 1e-6 } })).toBe("reducer threads");
    // What one stream reached was the reducer's doing: 1.5 ns a byte.
    const asMeasured = { upBytesPerSecond: 6e8, downBytesPerSecond: 9e8 };
    const beside = { workers: 8, link: { ...freeLink, ...asMeasured } };
    expect(nameOf({ costs: { callSeconds: 0.03 }, cluster: beside })).toBe("reducer threads");
    expect(nameOf({ costs: { callSeconds: 1e-3 }, link: { latencySeconds: 0.1 } })).toBe("latency");
    expect(nameOf({ costs: { callSeconds: 1e-3 }, link: { upBytesPerSecond: 1e6 } })).toBe("single stream");
    expect(nameOf({ costs: { imageSeconds: 1 } })).toBe("images");
    expect(nameOf({ cluster: { workers: 32 } }, freeExchange)).toBe("lanes");
    expect(nameOf({ cluster: { workers: 8, workersPerMachine: 8, cores: 1, coordinatorCores: null } })).toBe(
      "cores shared with others",
    );
  });
});

describe("advice", () => {
  const run = { batchSize: 128, accumulation: 1, localSteps: null };
  const adviceOf = (change: Change, base: Costs) => {
    const rounded = { ...change, work: { ...change.work, bytesPerParameter: 2 } };
    return adviceFor(scenarioOf(change, base), run, scenarioOf(rounded, base));
  };
  const flags = (change: Change, base = realCosts) => adviceOf(change, base).map(({ flag }) => flag);

  it("on a slow link is fewer bytes and fewer exchanges, each with its figure", () => {
    const change = { cluster: { workers: 8, link: { ...freeLink, bytesPerSecond: 1e7 } } };
    const advice = adviceOf(change, realCosts);
    expect(advice.map(({ flag }) => flag)).toContain("--wire bfloat16");
    expect(advice.some(({ flag }) => flag.startsWith("--accumulate"))).toBe(true);
    expect(advice.some(({ flag }) => flag.startsWith("--local-steps"))).toBe(true);
    const now = step(change, realCosts).imagesPerSecond;
    for (const { gain, prediction } of advice) expect(prediction.imagesPerSecond / now).toBeCloseTo(gain, 8);
    const gains = advice.map(({ gain }) => gain);
    expect(gains).toEqual([...gains].sort((a, b) => b - a));
  });

  it("is nothing where nothing but computing is left", () => {
    expect(flags({ cluster: { workers: 8 } }, freeExchange)).toEqual([]);
  });

  it("for workers without lanes is a larger batch", () => {
    expect(flags({ cluster: { workers: 16 } }, freeExchange)).toEqual(["--batch-size 256 --lanes 16"]);
  });

  it("for a reducer that is full is another one, where there are cores", () => {
    const busy = { callSeconds: 0.01, applySeconds: 1e-7 };
    expect(flags({ costs: busy }).some((flag) => flag.startsWith("--reducers"))).toBe(true);
    const alone = { costs: busy, cluster: { coordinatorCores: 1 } };
    expect(flags(alone).some((flag) => flag.startsWith("--reducers"))).toBe(false);
  });
});
