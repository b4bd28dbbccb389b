/** A run is published once, by one coordinator: a result counts only when its coordinator also closed the run. */
import { beforeEach, describe, expect, it } from "vitest";
import { takeNumber } from "../../coordinator/ownership/generation-record.js";
import { Ownership } from "../../coordinator/ownership/ownership.js";
import { publishRun } from "../../coordinator/publish.js";
import { chartData } from "../../dashboard/chart-data.js";
import { TrainyardError } from "../../shared/errors.js";
import { limits } from "../../shared/limits.js";
import { exportFolder, findPublication } from "../../shared/publication.js";
import type { RunResult } from "../../shared/result.js";
import { RunSpec, runKey } from "../../shared/spec.js";
import { curve, result, spec } from "../support/dashboard/finished-run.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryStore } from "../support/memory-store.js";

const { run } = result;
const logger = { info: () => undefined, warn: (line: unknown) => void lines.push(String(line)) };
let lines: string[];
let store: MemoryStore;
let clock: ManualClock;

beforeEach(() => {
  [store, clock, lines] = [new MemoryStore(), new ManualClock(), []];
});

const claim = (generation: number) =>
  Ownership.claim(
    { store, run, clock, logger },
    { generation, address: `h:${generation}`, http: "h:1", startedAt: "2026", renewals: 0, changes: {} },
  );

function publish(owner: Ownership, change: Partial<RunResult> = {}): Promise<void> {
  const papers = {
    spec,
    curve,
    charts: chartData(curve),
    result: { ...result, generation: owner.generation, ...change },
  };
  return publishRun({ store, clock, logger, finish: (folder) => owner.finish(folder) }, papers);
}

const keys = () => [...store.objects.keys()].map((key) => key.slice(runKey(run, "").length)).sort();
const papers = ["curve-steps.csv", "curve.csv", "curve.json", "report.html", "result.json"];

describe("the publication of a run", () => {
  it("lies right below the run, and the next number says so; twice is the same", async () => {
    const owner = await claim(1);
    expect(await findPublication(store, run)).toBeNull();
    await publish(owner);
    await publish(owner);
    expect(keys()).toEqual([...papers, "generations/1.json", "generations/2.json"].sort());
    expect(await findPublication(store, run)).toMatchObject({ generation: 1, folder: "", result: { run } });
  });

  it("is none before the run is closed, whatever lies there", async () => {
    const first = await claim(1);
    await expect(
      publishRun(
        { store, clock, logger, finish: () => Promise.reject(new Error("killed")) },
        {
          spec,
          curve,
          charts: chartData(curve),
          result: { ...result, generation: first.generation },
        },
      ),
    ).rejects.toThrow("killed");
    expect(keys()).toContain("result.json");
    expect(await findPublication(store, run)).toBeNull();
  });

  it("of a coordinator that was taken over is never read; the new owner's goes beside it, as a whole", async () => {
    const first = await claim(1);
    const second = await claim(2);
    await expect(publish(first, { weightsSha256: "of the first" })).rejects.toMatchObject({ code: "FENCED" });
    expect(await findPublication(store, run)).toBeNull();
    const before = new Map(store.objects);
    await publish(second, { weightsSha256: "of the second" });
    const found = await findPublication(store, run);
    expect(found).toMatchObject({ generation: 2, folder: "published/2/" });
    expect(found?.result.weightsSha256).toBe("of the second");
    for (const [key, bytes] of before) expect(store.objects.get(key)).toEqual(bytes);
    for (const file of papers) expect(keys()).toContain(`published/2/${file}`);
    // The links of its report lead to the exports, wherever these lie.
    const report = Buffer.from(store.objects.get(runKey(run, "published/2/report.html")) ?? []).toString();
    expect(report).toContain('href="../../export/tfjs/model.json"');
    expect(report).toContain('href="curve.csv"');
  });

  it("goes beside a former one's also when only one file of that is there", async () => {
    await claim(1);
    await store.put(runKey(run, "report.html"), Buffer.from("half"));
    await publish(await claim(2));
    expect(await findPublication(store, run)).toMatchObject({ generation: 2, folder: "published/2/" });
  });

  it("by a fenced coordinator after the new owner's changes nothing", async () => {
    const first = await claim(1);
    await publish(await claim(2));
    await expect(publish(first, { weightsSha256: "late" })).rejects.toMatchObject({ code: "FENCED" });
    const found = await findPublication(store, run);
    expect(found?.result).toMatchObject({ generation: 2, weightsSha256: result.weightsSha256 });
  });

  it("is tried on while the store is away, with a line each time, and given up after ten minutes", async () => {
    const owner = await claim(1);
    const put = store.put.bind(store);
    const away = new TrainyardError("STORE_UNREACHABLE", "the store is away");
    store.put = () => Promise.reject(away);
    const published = publish(owner);
    await clock.pass(60_000);
    const tries = lines.filter((line) => /result could not be written, trying again.*is away/.test(line));
    expect(tries.length).toBeGreaterThanOrEqual(60_000 / limits.storeRetryMs - 1);
    store.put = put;
    await clock.pass(limits.storeRetryMs);
    await published;
    expect(await findPublication(store, run)).not.toBeNull();

    store = new MemoryStore();
    const other = await claim(1);
    store.put = () => Promise.reject(away);
    const failed = expect(publish(other)).rejects.toBe(away);
    await clock.pass(limits.storeOutageMs);
    await failed;
  });

  it("that is named but missing or another's is damage, which names the object", async () => {
    await claim(1);
    await takeNumber(store, run, { generation: 2, closes: 1, published: "", changes: {} });
    await expect(findPublication(store, run)).rejects.toMatchObject({
      code: "DAMAGED",
      message: expect.stringContaining("result.json"),
    });
    await store.put(runKey(run, "result.json"), Buffer.from(JSON.stringify({ ...result, generation: 7 })));
    await expect(findPublication(store, run)).rejects.toMatchObject({ code: "DAMAGED" });
  });

  it("says where the exported model lies", () => {
    const exported = (paths: string[]) => exportFolder({ ...result, exported: { checkpoint: "1-1", paths } });
    expect(exported(["export/tfjs/model.json", "export/labels.json"])).toBe("");
    expect(exported(["published/2/export/labels.json"])).toBe("published/2/");
    expect(exportFolder({ ...result, exported: null })).toBeNull();
  });
});

it("the example is a spec", () => expect(RunSpec.safeParse(spec).success).toBe(true));
