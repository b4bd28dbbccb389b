/**
 * Plain tfjs, as in a browser: loads FOLDER/model.json and predicts FOLDER/images.u8 of SHAPE. Prints the outputs for
 * raw 0..255 pixels, and for pixels that someone scaled before.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const tf = createRequire(import.meta.url)("@tensorflow/tfjs");
const [folder = "", shape = ""] = process.argv.slice(2);
await tf.setBackend("cpu");

/** What a browser's fetch would find there. */
const fetchFunc = async (/** @type {string} */ url) =>
  new Response(await readFile(join(folder, new URL(url).pathname)), {
    headers: { "content-type": url.endsWith(".json") ? "application/json" : "application/octet-stream" },
  });
const model = await tf.loadLayersModel("http://model/model.json", { fetchFunc });
const pixels = tf.tensor(Float32Array.from(await readFile(join(folder, "images.u8"))), JSON.parse(shape));
const outputs = (/** @type {unknown} */ images) => [...model.predict(images).dataSync()];
process.stdout.write(JSON.stringify({ raw: outputs(pixels), scaled: outputs(pixels.div(255)) }));
