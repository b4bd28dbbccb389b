/**
 * The virtual environment with PyTorch that the benches compare with: made only for `npm run bench -- NAME --peers`.
 * Also a program: `node test/support/setup/torch.mjs`.
 */
import { pathToFileURL } from "node:url";
import { torchFolder } from "./paths.mjs";
import { installPythonEnvironment } from "./python-environment.mjs";

/**
 * Where pip's index has PyTorch's build for CPUs, that is what `==2.15.0` gets; else the CUDA build with its
 * libraries, without which it does not load. Both run the same code on a CPU.
 */
const packages = ["torch==2.15.0", "torchvision==0.29.2", "numpy>=2,<3", "pillow>=11"];

/**
 * About a minute, 5.4 GB.
 * @param {(line: string) => void} say
 */
export const installTorch = (say) =>
  installPythonEnvironment(
    {
      name: "PyTorch 2.15 for the benches",
      folder: torchFolder,
      packages,
      neededBytes: 9_000_000_000,
      check: "import torch, torchvision; assert torch.backends.mkldnn.is_available()",
      again: "node test/support/setup/torch.mjs",
    },
    say,
  );

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await installTorch((line) => console.log(line));
}
