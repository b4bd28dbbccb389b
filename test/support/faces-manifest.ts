/** The manifest of a data set of two classes, of which one is three times as large. */
import type { Manifest } from "../../dataset/manifest.js";

export const faces: Manifest = {
  format: "trainyard-dataset/2",
  name: "faces",
  hash: "ab".repeat(32),
  classes: ["female", "male"],
  splits: { train: { samples: 400, shards: [] }, validation: { samples: 100, shards: [] } },
  counts: { train: [300, 100], validation: [75, 25] },
  sizes: { smallest: [64, 64], median: [80, 70], largest: [100, 90] },
  grey: false,
  options: {},
  rejected: [],
  ignored: {},
  warnings: [],
};
