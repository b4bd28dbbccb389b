/**
 * The whole way on a real MinIO: import, a coordinator and two workers that share nothing but the bucket, real
 * photographs, and a model that is far better than chance. The workers have no keys but those of their coordinator.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Curve } from "../../shared/curve.js";
import { openStore } from "../../shared/store/open.js";
import { TestCluster } from "../support/cluster.js";
import { type Minio, startMinio } from "../support/minio.js";
import { photographs, runProgram, scratch } from "../support/program.js";
import { isFullScale } from "../support/scale.js";

const place = scratch();
let minio: Minio;

beforeAll(async () => {
  minio = await startMinio();
});
afterAll(async () => {
  await minio.stop();
  place.remove();
});

const options = () => ({
  cwd: place.folder,
  env: { ...minio.environment },
  store: minio.url("trainyard/team-a"),
});

async function trainOn(set: "faces" | "signs", run: string, flags: readonly string[]): Promise<Curve> {
  const imported = await runProgram(
    ["import", photographs(set), "--name", set, "--store", options().store],
    options(),
  );
  expect(imported.code).toBe(0);
  const cluster = await TestCluster.start(set, ["--run", run, ...flags], options());
  try {
    const keyless = { ...options(), env: {} };
    const workers = ["a", "b"].map((id) =>
      runProgram(["worker", "--coordinator", cluster.ready.address, "--id", id], keyless),
    );
    expect(await cluster.coordinatorEnd).toMatchObject({ code: 0 });
    for (const { code } of await Promise.all(workers)) expect(code).toBe(0);
    return await cluster.curve();
  } finally {
    await cluster.close();
  }
}

const lastFive = (curve: Curve) => {
  const rows = curve.epochs.slice(-5);
  return rows.reduce((sum, row) => sum + (row.validationAccuracy ?? 0), 0) / rows.length;
};

describe("training through MinIO", () => {
  it("tells women from men far better than chance after 25 epochs", async () => {
    // Chance: 0.5. Measured over three seeds by test/bench/accuracy.
    expect(
      lastFive(await trainOn("faces", "faces-minio", ["--epochs", "25", "--seed", "1"])),
    ).toBeGreaterThan(0.7);
  }, 400_000);

  // 2,000 photographs, 12 times: only `npm run test:full` has the time. Faces show what counts in a fraction of it.
  if (isFullScale) {
    it("tells ten hand signs apart far better than chance after 12 epochs", async () => {
      // Chance: 0.1.
      const flags = ["--epochs", "12", "--no-horizontal-flip", "--seed", "1"];
      expect(lastFive(await trainOn("signs", "signs-minio", flags))).toBeGreaterThan(0.35);
    }, 600_000);
  }

  it("leaves everything in the bucket: checkpoints, log, curve, report, result, exports", async () => {
    const store = await openStore(options().store, { environment: minio.environment });
    const keys: string[] = [];
    for await (const { key } of store.list("runs/faces-minio/"))
      keys.push(key.slice("runs/faces-minio/".length));
    for (const key of [
      "spec.json",
      "generations/1.json",
      expect.stringMatching(/^log\/1-\d+(-\d+)?\.jsonl$/),
      "curve.csv",
      "curve.json",
      "report.html",
      "result.json",
      "export/labels.json",
      "export/tfjs/model.json",
      "export/keras/model.h5",
    ]) {
      expect(keys).toContainEqual(key);
    }
    expect(
      keys.filter((key) => /^checkpoints\/1-175\/(weights|adam-m|adam-v)\.safetensors$/.test(key)),
    ).toHaveLength(3);
  });
});
