/** A standing coordinator whose store hangs while it is told to end: it leaves in time all the same, and loses no run. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Minio, startMinio } from "../support/minio.js";
import { scratch } from "../support/program.js";
import { importFaces } from "../support/reference-run.js";
import { StandingCluster } from "../support/standing-cluster.js";

const place = scratch();
let minio: Minio;
beforeAll(async () => {
  minio = await startMinio();
}, 300_000);
afterAll(async () => {
  minio.resume();
  await minio.stop();
  place.remove();
});

it("exits with 3 without waiting for its store, and the run is still the next one when it stands again", async () => {
  const options = { cwd: place.folder, env: { ...minio.environment }, store: minio.url("trainyard") };
  await importFaces(options);
  const cluster = await StandingCluster.start(options);
  try {
    expect(await cluster.ask("submit", "faces", "--run", "kept")).toMatchObject({ code: 0 });
    await cluster.until("kept", "under way", (status) => status?.phase === "waiting");
    minio.pause();
    expect(await cluster.signalCoordinator("SIGTERM")).toMatchObject({ code: 3 });
    // The store hangs until then: who had waited for it would still be there.
    minio.resume();
    await cluster.startAgain();
    expect(await cluster.queue()).toEqual(["kept"]);
    await cluster.until("kept", "under way again", (status) => status?.generation === 2);
  } finally {
    await cluster.close();
  }
}, 300_000);
