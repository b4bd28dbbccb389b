#!/usr/bin/env node
/**
 * Lays TensorFlow and its binding into $XDG_CACHE_HOME while an image is built: what `trainyard setup` does, before the
 * program is compiled, so that a changed source downloads and compiles nothing anew.
 */
import { setUpTensorFlow } from "../engine/native/setup/tensorflow.mjs";

const laid = await setUpTensorFlow((line) => console.log(line), "docker compose build");
console.log(`TensorFlow ${laid.version} is in ${laid.library}`);
