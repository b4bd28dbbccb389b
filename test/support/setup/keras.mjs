/**
 * The virtual environment with the real Keras that parity and export tests, and the benches, compare with.
 * Also a program: `node test/support/setup/keras.mjs`.
 */
import { pathToFileURL } from "node:url";
import { kerasFolder } from "./paths.mjs";
import { installPythonEnvironment } from "./python-environment.mjs";

/** Keras and what parity depends on are fixed; numpy and scipy follow the Python at hand. */
const packages = [
  "tensorflow-cpu==2.21.0",
  "keras==3.15.1",
  "pillow>=11",
  "scipy>=1.14",
  "numpy>=2,<3",
  "h5py>=3.12",
];

/** @param {(line: string) => void} say */
export const installKeras = (say) =>
  installPythonEnvironment(
    {
      name: "Keras 3.15 for the tests",
      folder: kerasFolder,
      packages,
      neededBytes: 2_500_000_000,
      check: "import keras, scipy, PIL; print(keras.__version__)",
      again: "npm test",
    },
    say,
  );

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await installKeras((line) => console.log(line));
}
