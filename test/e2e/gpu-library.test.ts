/**
 * The real GPU build of TensorFlow, installed by the real command, as far as it goes without a GPU: it loads, says that
 * nothing answers, computes on the CPU, and is refused where a GPU is demanded. Its CUDA libraries are left out, 4 GB
 * that nothing here would open. The library stays in the cache, in a home of its own: other tests are to find none.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cacheFolder } from "../../engine/native/setup/cache-folder.mjs";
import { findCompiler } from "../../engine/native/setup/compile-binding.mjs";
import { requiredCudaWheels } from "../../engine/native/setup/cuda-requirements.mjs";
import { cudaWheels } from "../../engine/native/setup/cuda-wheels.mjs";
import { findPublication } from "../../shared/publication.js";
import { openStore } from "../../shared/store/open.js";
import { jpeg, writeTree } from "../support/images.js";
import { runProgram, scratch } from "../support/program.js";

const { folder, remove } = scratch();
afterAll(remove);

const home = join(cacheFolder(), "gpu-test");
// Where a machine has a GPU after all, its driver is asked and shows none.
const env = { XDG_CACHE_HOME: home, CUDA_VISIBLE_DEVICES: "-1" };
const run = (...words: string[]) => runProgram(words, { cwd: folder, env });
const setUp = () => run("setup", "--gpu", "--without-cuda");

const lack =
  /GPU TensorFlow is installed, (no NVIDIA driver answers \(libcuda\.so\.1 is missing.*\)|the NVIDIA driver (gives|knows) no GPU.*)/
    .source;

/** Refused in one sentence, with nothing left behind. */
async function expectSetupError(...words: string[]) {
  const { code, stdout, stderr } = await run(...words, "--device", "gpu");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(new RegExp(`^trainyard: --device gpu: ${lack}\n$`));
}

const quick = ["--model", "digits", "--image-size", "16", "--batch-size", "8", "--epochs", "1"];

function withoutGpu(): void {
  let library = "";

  beforeAll(async () => {
    const { code, stdout, stderr } = await setUp();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    library = /^TensorFlow 2\.21\.0 \(GPU, linux-x64\) is ready in (.+)$/m.exec(stdout)?.[1] ?? "";
    expect(stdout).toMatch(new RegExp(`^here now: ${lack}: computing on the CPU$`, "m"));
    const files: Record<string, Buffer> = {};
    for (let index = 0; index < 12; index += 1) {
      files[`pets/${index % 2 === 0 ? "cats" : "dogs"}/${index}.jpg`] = await jpeg(index);
    }
    await writeTree(folder, files);
    expect(await run("import", "pets", "--validation-split", "0.25")).toMatchObject({ code: 0 });
  }, 900_000);

  it("is installed once, and names the CUDA libraries that are pinned for it, no more and no less", async () => {
    expect(await setUp()).toMatchObject({ code: 0, stderr: "" });
    const metadata = readFileSync(join(library, "METADATA"), "utf8");
    expect(new Set(requiredCudaWheels(metadata, cudaWheels))).toEqual(new Set(cudaWheels));
  });

  it("trains on the CPU by itself, says why not more, and enters its build into the result", async () => {
    const { code, stderr } = await run("train", "pets", "--run", "by-itself", "--workers", "1", ...quick);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toMatch(new RegExp(`^${lack}: computing on the CPU$`, "m"));
    const log = readFileSync(join(folder, ".trainyard/logs/by-itself/worker-1.log"), "utf8");
    expect(log).toMatch(new RegExp(`${lack}: computing on the CPU`));
    const store = await openStore(`file:${join(folder, ".trainyard")}`);
    const publication = await findPublication(store, "by-itself");
    expect(publication?.result.fingerprints).toMatchObject([{ tensorflow: "2.21.0 gpu" }]);
  });

  it("evaluates with --device cpu without asking any driver", async () => {
    const { code, stdout, stderr } = await run("evaluate", "by-itself", "--device", "cpu");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("validation images of pets");
  });

  it("refuses --device gpu in one sentence, before a run is made or a coordinator is looked for", async () => {
    await expectSetupError("train", "pets", "--run", "demanded", ...quick);
    await expectSetupError("worker", "--log-level", "silent");
    await expectSetupError("evaluate", "by-itself");
    expect((await run("runs", "list", "--json")).stdout).not.toContain("demanded");
  });

  it.each([
    [{ PRETENDED_INIT: "100" }, "the NVIDIA driver gives no GPU (CUDA_ERROR_NO_DEVICE)"],
    [{ PRETENDED_COUNT: "0" }, "the NVIDIA driver knows no GPU"],
    [
      { PRETENDED_VERSION: "11080" },
      "the NVIDIA driver runs CUDA 11.8, and CUDA 12 is needed (driver 525 or newer)",
    ],
    [
      {},
      "but can't use Pretended GPU (its CUDA libraries are not installed, and this machine's own not found: npx trainyard setup --gpu)",
    ],
  ])("tells what a driver answers, and what TensorFlow lacks then: %j", async (answers, sentence) => {
    const driver = join(import.meta.dirname, "../support/pretended_driver.c");
    execFileSync(findCompiler(), ["-x", "c", "-shared", "-fPIC", "-o", join(folder, "libcuda.so.1"), driver]);
    const { code, stderr } = await runProgram(["worker", "--device", "gpu", "--log-level", "silent"], {
      cwd: folder,
      env: { ...env, LD_LIBRARY_PATH: folder, ...answers },
    });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `trainyard: --device gpu: GPU TensorFlow is installed, ${sentence}\n`,
    });
  });
}

/** There is no such build for other processors: their users are told so before anything is downloaded. */
function onOtherProcessors(): void {
  it("is refused in one sentence", async () => {
    const { code, stderr } = await setUp();
    expect(code).toBe(2);
    expect(stderr).toMatch(/^trainyard: TensorFlow 2\.21\.0 comes with CUDA for Linux x64 only.*\n$/);
  });
}

describe("the GPU's build of TensorFlow", process.arch === "x64" ? withoutGpu : onOtherProcessors);

it("--without-cuda without --gpu is a misunderstanding, and said so", async () => {
  const { code, stderr } = await run("setup", "--without-cuda");
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: "trainyard: --without-cuda says how --gpu is installed: trainyard setup --gpu --without-cuda\n",
  });
});
