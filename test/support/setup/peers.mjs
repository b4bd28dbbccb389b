/** The Pythons of the programs that benches compare with (`--peers`), installed where they are missing. */
import { installKeras } from "./keras.mjs";
import { kerasPython, torchPython } from "./paths.mjs";
import { installTorch } from "./torch.mjs";

/**
 * @param {(line: string) => void} [say]
 * @returns {Promise<{ keras: string, torch: string }>} paths of the two Pythons
 */
export async function peerPythons(say = (line) => console.error(line)) {
  await Promise.all([installKeras(say), installTorch(say)]);
  return { keras: kerasPython, torch: torchPython };
}
