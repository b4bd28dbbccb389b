/**
 * What grows while a standing coordinator works for days: emulated workers train several runs one after another, a worker
 * leaves and comes back every minute, and tabs are open. A sample of the coordinator's process is taken now and then,
 * the beginning is compared with the end. The exit code is 1 when something grew.
 *   npm run bench -- soak [--quick] [--steps 200000] [--runs 4] [--workers 3] [--parameters 4000] [--tabs 4] [--leave 60]
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { answerOf, lossOf, startChild } from "./frame/children.js";
import { machine, median, row } from "./frame/figures.js";
import { isQuick, numberFlag } from "./frame/flags.js";
import { growthOf, type Series } from "./soak/growth.js";
import type { FromCoordinator, SoakPlan, SoakUsage, ToCoordinator } from "./soak/protocol.js";
import { type TabFigures, Tabs } from "./soak/tabs.js";

const runs = numberFlag("runs", isQuick ? 2 : 4);
const steps = numberFlag("steps", isQuick ? 8_000 : 200_000);
const plan: SoakPlan = {
  runs,
  steps: Math.round(steps / runs),
  cell: {
    workers: numberFlag("workers", 3),
    parameters: numberFlag("parameters", 4_000),
    reducers: 1,
    wire: "float32",
    delayMs: 0,
    copiesGradients: true,
  },
  leaveMs: numberFlag("leave", isQuick ? 5 : 60) * 1000,
  folder: mkdtempSync(join(tmpdir(), "trainyard-soak-")),
};
const tabCount = numberFlag("tabs", 4);
/** Samples of the whole soak. */
const samples = isQuick ? 8 : 20;

interface Sample {
  readonly usage: SoakUsage;
  readonly tabs: TabFigures;
  readonly seconds: number;
  readonly steps: number;
}

const columns = ["steps", "s", "ms/step", "resident MB", "heap MB", "external MB", "descriptors"];
const moreColumns = ["stall ms", "stall p99", "checkpoints", "ms each", "status ms", "curve ms", "curve KB"];
const widths = [9, 7, 9, 13, 9, 13, 13, 10, 11, 13, 9, 11, 10, 10];
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

const program = (name: string) => new URL(`./soak/${name}.js`, import.meta.url);
const coordinator = startChild(program("coordinator-process"), [JSON.stringify(plan)]);
const children = [coordinator];
process.exitCode = 1;
try {
  const ready = await answerOf<Extract<FromCoordinator, { tag: "ready" }>>(coordinator);
  const fleet = startChild(program("fleet-process"), [JSON.stringify(plan), ready.address]);
  children.push(fleet);
  const tabs = new Tabs(ready.http, tabCount);
  console.log(
    `${machine()}; ${runs} runs of ${plan.steps} steps, ${plan.cell.workers} workers, ${tabCount} tabs`,
  );
  console.log(row([...columns, ...moreColumns], widths));
  const taken = await Promise.race([soak(tabs), lossOf(fleet), lossOf(coordinator)]);
  tabs.close();
  process.exitCode = judge(taken) ? 1 : 0;
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(plan.folder, { recursive: true });
}

/** Takes samples until the queue is empty. */
async function soak(tabs: Tabs): Promise<Sample[]> {
  const taken: Sample[] = [];
  const every = (plan.steps * runs) / samples;
  let [lastMs, last, due] = [performance.now(), 0, every];
  for (;;) {
    await sleep(250);
    const { committed, isQueueEmpty } = await ask("progress");
    if (committed < due && !isQueueEmpty) continue;
    const usage = await ask("usage");
    const nowMs = performance.now();
    const sample = {
      usage,
      tabs: tabs.take(),
      seconds: (nowMs - lastMs) / 1000,
      steps: usage.committed - last,
    };
    [lastMs, last, due] = [nowMs, usage.committed, usage.committed + every];
    if (sample.steps > 0) {
      taken.push(sample);
      print(sample);
    }
    if (isQueueEmpty) return taken;
  }
}

async function ask<Tag extends ToCoordinator["tag"]>(
  tag: Tag,
): Promise<Extract<FromCoordinator, { tag: Tag }>> {
  coordinator.send({ tag } satisfies ToCoordinator);
  return await answerOf<Extract<FromCoordinator, { tag: Tag }>>(coordinator);
}

function print({ usage, tabs, seconds, steps: count }: Sample): void {
  const cells = [
    String(usage.committed),
    seconds.toFixed(0),
    ((1000 * seconds) / count).toFixed(1),
    megabytes(usage.residentBytes),
    megabytes(usage.heapBytes),
    megabytes(usage.externalBytes),
    String(usage.descriptors),
    usage.stallMs.toFixed(0),
    usage.stallMs99.toFixed(1),
    String(usage.checkpoints),
    usage.checkpointMs.toFixed(1),
    median(tabs.statusMs).toFixed(1),
    median(tabs.curveMs).toFixed(1),
    (tabs.curveBytes / 1000).toFixed(0),
  ];
  console.log(row(cells, widths));
}

/** Prints beginning and end of every figure. True when one grew. */
function judge(taken: readonly Sample[]): boolean {
  // The first window holds the start of the processes and the compilation of their code.
  const settled = taken.slice(1);
  const of = (pick: (sample: Sample) => number) => settled.map(pick);
  const figures: Series[] = [
    {
      what: "resident",
      unit: "MB",
      values: of(({ usage }) => usage.residentBytes / 1e6),
      factor: 1.15,
      slack: 20,
    },
    { what: "heap", unit: "MB", values: of(({ usage }) => usage.heapBytes / 1e6), factor: 1.15, slack: 5 },
    {
      what: "external",
      unit: "MB",
      values: of(({ usage }) => usage.externalBytes / 1e6),
      factor: 1.15,
      slack: 10,
    },
    { what: "descriptors", unit: "", values: of(({ usage }) => usage.descriptors), factor: 1, slack: 8 },
    { what: "stall, 99 %", unit: "ms", values: of(({ usage }) => usage.stallMs99), factor: 1.5, slack: 5 },
    { what: "checkpoint", unit: "ms", values: of(({ usage }) => usage.checkpointMs), factor: 1.5, slack: 20 },
    {
      what: "step",
      unit: "ms",
      values: of(({ seconds, steps: count }) => (1000 * seconds) / count),
      factor: 1.5,
      slack: 2,
    },
    { what: "status", unit: "ms", values: of(({ tabs }) => median(tabs.statusMs)), factor: 1.5, slack: 10 },
    { what: "curve", unit: "ms", values: of(({ tabs }) => median(tabs.curveMs)), factor: 1.5, slack: 10 },
  ];
  console.log("");
  const grown = figures.filter((figure) => {
    const { beginning, end, hasGrown } = growthOf(figure);
    console.log(
      `${figure.what.padEnd(14)}${beginning.toFixed(1).padStart(9)} → ${end.toFixed(1).padStart(8)} ${figure.unit.padEnd(3)}${hasGrown ? " GREW" : ""}`,
    );
    return hasGrown;
  });
  const { objects, bytes } = storeSize();
  const curve = `the store holds ${objects} objects, ${megabytes(bytes)} MB`;
  const names = grown.map(({ what }) => what).join(", ");
  console.log(grown.length === 0 ? `nothing grew but the curve; ${curve}` : `${names} grew; ${curve}`);
  return grown.length > 0;
}

function storeSize(): { objects: number; bytes: number } {
  const files = readdirSync(plan.folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  return { objects: files.length, bytes };
}
