/**
 * `trainyard setup`: lays the TensorFlow library and the compiled binding into the user's cache. In a clone
 * `node bootstrap.mjs` does the same after the npm packages; both call engine/native/setup.
 */
import type { CommandModule } from "yargs";
import { SetupRefusal } from "../engine/native/setup/refusal.mjs";
import { type LaidTensorFlow, setUpTensorFlow } from "../engine/native/setup/tensorflow.mjs";
import { TrainyardError } from "../shared/errors.js";
import { type GlobalOptions, jsonOption } from "./options.js";

type SetupOptions = GlobalOptions & { json: boolean };

export const command: CommandModule<GlobalOptions, SetupOptions> = {
  command: "setup",
  describe: "Get TensorFlow and compile its binding, once per machine",
  builder: (parser) =>
    parser
      .option("json", jsonOption)
      .example("$0 setup", "downloads 274 MB, keeps 815 MB in the user's cache; nothing is done twice")
      .example("XDG_CACHE_HOME=/big/disk $0 setup", "the same on another disk"),
  handler: ({ json }) => runSetup(json),
};

async function runSetup(json: boolean): Promise<void> {
  const laid = await layOrRefuse((line) => process.stderr.write(`${line}\n`));
  if (json) process.stdout.write(`${JSON.stringify(laid, null, 2)}\n`);
  else
    process.stdout.write(`TensorFlow ${laid.version} (CPU, ${laid.platform}) is ready in ${laid.library}\n`);
}

async function layOrRefuse(say: (line: string) => void): Promise<LaidTensorFlow> {
  try {
    return await setUpTensorFlow(say, "npx trainyard setup");
  } catch (caught) {
    if (caught instanceof SetupRefusal) throw new TrainyardError("SETUP", caught.message, { cause: caught });
    throw caught;
  }
}
