/**
 * `trainyard setup`: installs the TensorFlow library and the compiled binding into the user's cache. In a clone
 * `node bootstrap.mjs` does the same after the npm packages; both call engine/native/setup.
 */
import { findDevice } from "../engine/native/find-device.js";
import {
  type InstalledTensorFlow,
  setUpTensorFlow,
  type Wish,
} from "../engine/native/setup/set-up-tensorflow.mjs";
import { SetupError } from "../engine/native/setup/setup-error.mjs";
import { TrainyardError } from "../shared/errors.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import { defineCommand } from "./command.js";

export const command = defineCommand({
  name: "setup",
  describe: "Get TensorFlow and compile its binding, once per machine",
  settings: commandSettings.setup,
  examples: [
    ["$0 setup", "downloads 274 MB, keeps 854 MB in the user's cache; nothing is done twice"],
    ["$0 setup --gpu", "downloads 3.2 GB, keeps 5.2 GB beside what the CPU uses"],
    ["XDG_CACHE_HOME=/big/disk $0 setup", "the same on another disk"],
  ],
  run: ({ gpu, withoutCuda, json }) => runSetup({ build: gpu ? "gpu" : "cpu", withCuda: !withoutCuda }, json),
});

async function runSetup(wish: Wish, json: boolean): Promise<void> {
  if (wish.build === "cpu" && wish.withCuda === false) {
    throw new TrainyardError(
      "USAGE",
      "--without-cuda says how --gpu is installed: trainyard setup --gpu --without-cuda",
    );
  }
  const installed = await installOrFail((line) => process.stderr.write(`${line}\n`), wish);
  if (json) {
    process.stdout.write(`${JSON.stringify(installed, null, 2)}\n`);
    return;
  }
  const { version, build, platform, library } = installed;
  process.stdout.write(
    `TensorFlow ${version} (${build.toUpperCase()}, ${platform}) is ready in ${library}\n`,
  );
  if (build === "gpu") process.stdout.write(`here now: ${(await findDevice("auto")).sentence}\n`);
}

async function installOrFail(say: (line: string) => void, wish: Wish): Promise<InstalledTensorFlow> {
  const again = `npx trainyard setup${wish.build === "gpu" ? " --gpu" : ""}${wish.withCuda === false ? " --without-cuda" : ""}`;
  try {
    return await setUpTensorFlow(say, again, wish);
  } catch (caught) {
    if (caught instanceof SetupError) throw new TrainyardError("SETUP", caught.message, { cause: caught });
    throw caught;
  }
}
