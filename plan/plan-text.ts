/** A plan in words and as JSON: what was measured, how the step scales, what it waits for, what would help. */

import { microBatchSize } from "../shared/spec.js";
import { textTable } from "../shared/text-table.js";
import type { Advice } from "./advice.js";
import { bottleneckOf } from "./bottleneck.js";
import type { MeasuredExchange } from "./exchange-costs.js";
import type { Plan } from "./make-plan.js";
import type { ScalingRow } from "./scaling.js";
import { vectorBytes } from "./scenario.js";
import type { Spread } from "./spread.js";
import { predictStep } from "./step-model.js";

/** Three digits are more than a measurement carries. */
function number(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
const ms = (seconds: number) => number(seconds * 1000);
const spread = ({ median, min, max }: Spread) => `${ms(median)} ms (${ms(min)} to ${ms(max)})`;
const megabytes = (bytes: number) => number(bytes / 1e6);
const percent = (share: number) => `${(share * 100).toFixed(0)} %`;

export function planText(plan: Plan): string {
  return [
    head(plan),
    "",
    measuredText(plan),
    "",
    "On this machine:",
    rows(plan.here),
    "",
    `Strong scaling, this run with ${place(plan)}:`,
    rows(telling(plan.strong, plan.spec.lanes)),
    "",
    "Weak scaling, the batch grows with the workers:",
    rows(plan.weak),
    "",
    adviceText(plan),
  ].join("\n");
}

function head({ spec, scenario: { work } }: Plan): string {
  const { dataset, image, model, lanes, batchSize, wire } = spec;
  const calls = work.callsPerLane === 1 ? "" : ` x ${work.callsPerLane}`;
  const input = `${image.height} x ${image.width} x ${image.channels}`;
  const batch = `batch ${batchSize} in ${lanes} lanes of ${microBatchSize(spec)}${calls}`;
  const bytes = `${megabytes(vectorBytes(work))} MB as ${wire}`;
  return `${dataset.name}: ${model.name}, ${input}, ${work.parameters} parameters (${bytes}); ${batch}`;
}

function place({ scenario: { cluster } }: Plan): string {
  const { workersPerMachine, link } = cluster;
  const sharers = workersPerMachine === 1 ? "each worker" : `${workersPerMachine} workers`;
  const bound = Number.isFinite(link.bytesPerSecond)
    ? ""
    : " as measured, which no network exceeds: see --link";
  return `a machine like this one for ${sharers} and for the coordinator, ${link.name}${bound}`;
}

/** Medians, and the range that they come from. */
function measuredText({ measured, spec, scenario: { work, costs } }: Plan): string {
  const { engine } = measured;
  const exchange = measured.exchange[spec.wire];
  const { engines, call } = engine.together;
  const images = microBatchSize(spec);
  const bytes = vectorBytes(work);
  const { upBytesPerSecond: up, downBytesPerSecond: down } = exchange.costs("median");
  const one = `${spread(engine.call)} a micro-batch of ${images}: ${number(images / engine.call.median)} images/s`;
  const all = engines === 1 ? "" : `; ${engines} engines at once ${spread(call)}`;
  return textTable([
    ["engine", `${one}${all}`],
    [
      "images",
      `${number(1 / engine.firstImageSeconds)}/s read and decoded, ${number(1 / engine.imageSeconds)}/s once they are kept`,
    ],
    [
      "exchange",
      `${spread(exchange.round)} with one worker over loopback: ${megabytes(up)} MB/s up, ${megabytes(down)} MB/s down`,
    ],
    [
      "reducer",
      `${ms(costs.reducerReceiveSeconds * bytes)} ms to take a partial, ${ms(costs.addSeconds * work.parameters)} to add it, ${ms((costs.reportSeconds + costs.applySeconds) * work.parameters)} for norm and Adam, ${ms(costs.reducerSendSeconds * bytes)} to send a worker its weights`,
    ],
  ]);
}

/** Up to the lanes, and one row of what more workers would do. */
function telling(scaling: readonly ScalingRow[], lanes: number): readonly ScalingRow[] {
  const beyond = scaling.findIndex(({ workers }) => workers > lanes);
  return beyond < 0 ? scaling : scaling.slice(0, beyond + 1);
}

function rows(scaling: readonly ScalingRow[]): string {
  const cells = scaling.map(({ workers, images, usual, best, bottleneck }) => [
    String(workers),
    String(images),
    ms(usual.seconds),
    ms(best.seconds),
    ms(usual.parts.compute),
    number(usual.imagesPerSecond),
    percent(usual.efficiency),
    megabytes(usual.bytesUp),
    megabytes(usual.bytesDown),
    bottleneck.name,
  ]);
  return textTable([header, ...cells]);
}

const header = [
  "WORKERS",
  "IMAGES",
  "STEP MS",
  "AT BEST",
  "COMPUTE",
  "IMAGES/S",
  "EFFICIENCY",
  "MB UP",
  "MB DOWN",
  "WAITS FOR",
];

const mostAdvice = 6;

function adviceText({ scenario, advice }: Plan): string {
  const now = predictStep(scenario);
  const { workers } = scenario.cluster;
  const { name, savesSeconds } = bottleneckOf(scenario);
  const who = workers === 1 ? "1 worker" : `${workers} workers`;
  const waits = `With ${who} a step of ${ms(now.seconds)} ms waits for the ${name} most: ${ms(savesSeconds)} ms.`;
  if (advice.length === 0) return `${waits} No flag would help by more than 3 %.`;
  return [`${waits} What would help:`, textTable(advice.slice(0, mostAdvice).map(adviceCells))].join("\n");
}

function adviceCells({ flag, prediction, gain, cost }: Advice): string[] {
  const { seconds, efficiency, imagesPerSecond } = prediction;
  return [
    `  ${flag}`,
    `${number(imagesPerSecond)} images/s (x ${gain.toFixed(2)})`,
    `step ${ms(seconds)} ms, efficiency ${percent(efficiency)}`,
    cost,
  ];
}

/** Everything that the text rests on, in seconds and bytes. An infinite speed is null. */
export function planAsJson({ spec, measured, scenario, here, strong, weak, advice }: Plan): object {
  const { engine, exchange, reducers } = measured;
  const exchanged = ({ round, costs }: MeasuredExchange) => ({
    round,
    usual: costs("median"),
    best: costs("min"),
  });
  return {
    dataset: spec.dataset,
    lanes: spec.lanes,
    batchSize: spec.batchSize,
    bytesPerVector: vectorBytes(scenario.work),
    measured: {
      engine,
      exchange: { float32: exchanged(exchange.float32), bfloat16: exchanged(exchange.bfloat16) },
      reducers,
    },
    scenario,
    here,
    strong,
    weak,
    bottleneck: bottleneckOf(scenario),
    advice,
  };
}
