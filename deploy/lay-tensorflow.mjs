#!/usr/bin/env node
/**
 * `node deploy/lay-tensorflow.mjs cpu|gpu` installs TensorFlow and its binding into $XDG_CACHE_HOME while an image is built:
 * what `trainyard setup` does, before the program is compiled, so that a changed source downloads and compiles nothing
 * anew.
 */
import { setUpTensorFlow } from "../engine/native/setup/set-up-tensorflow.mjs";

const build = process.argv[2] === "gpu" ? "gpu" : "cpu";
const installed = await setUpTensorFlow((line) => console.log(line), "docker compose build", { build });
console.log(`TensorFlow ${installed.version} (${installed.build}) is in ${installed.library}`);
