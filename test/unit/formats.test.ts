/** Formats of what is stored: an earlier one keeps its draws, and an unknown one is refused in a sentence. */
import { expect, it } from "vitest";
import { readSpec } from "../../coordinator/run-inputs.js";
import { manifestKey } from "../../dataset/manifest.js";
import { readManifest } from "../../dataset/manifest-reader.js";
import { createRun } from "../../runs/run-creation.js";
import { readRunState } from "../../runs/run-state.js";
import { drawsOf, runKey } from "../../shared/spec.js";
import { faces } from "../support/faces-manifest.js";
import { MemoryStore } from "../support/memory-store.js";
import { runFlagsOf } from "../support/parsed-flags.js";

const { signal } = new AbortController();

/** A store with a data set and a run, whose documents say these numbers. */
async function storeOf({ dataset, run }: { readonly dataset: number; readonly run: number }) {
  const store = new MemoryStore();
  const put = (key: string, value: object) => store.put(key, Buffer.from(JSON.stringify(value)));
  await put(manifestKey("faces"), faces);
  const { spec } = await createRun(store, "faces", runFlagsOf(["--run", "r"]), { signal });
  await put(manifestKey("faces"), { ...faces, format: `trainyard-dataset/${dataset}` });
  await put(runKey("r", "spec.json"), { ...spec, format: `trainyard-run/${run}` });
  return store;
}

it("a document of a number that is not known is refused, with the numbers that are", async () => {
  const store = await storeOf({ dataset: 3, run: 3 });
  const refused = (name: string) => ({
    code: "UNKNOWN_FORMAT",
    exitCode: 2,
    message: expect.stringMatching(
      new RegExp(
        `json.* has the format ${name}/3, and Trainyard \\S+ reads ${name}/1 and ${name}/2: another version wrote it`,
      ),
    ),
  });
  await expect(readManifest(store, "faces")).rejects.toMatchObject(refused("trainyard-dataset"));
  await expect(readSpec(store, "r")).rejects.toMatchObject(refused("trainyard-run"));
  await expect(readRunState(store, "r")).rejects.toMatchObject(refused("trainyard-run"));
});

it("a new run has draws 2, and a stored run of the first format draws 1", async () => {
  expect(drawsOf(await readSpec(await storeOf({ dataset: 1, run: 2 }), "r"))).toBe(2);
  expect(drawsOf(await readSpec(await storeOf({ dataset: 1, run: 1 }), "r"))).toBe(1);
});

it("a coordinator's command that is repeated after an update finds its run, in the format that it was stored in", async () => {
  const store = await storeOf({ dataset: 1, run: 1 });
  const again = (...more: string[]) =>
    createRun(store, "faces", runFlagsOf(["--run", "r", ...more]), { signal, orSame: true });
  expect(await again()).toMatchObject({ isNew: false, spec: { format: "trainyard-run/1" } });
  await expect(again("--seed", "99")).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
});
