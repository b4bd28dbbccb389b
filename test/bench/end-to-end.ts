/**
 * From pictures in a folder to a trained net, on one machine: our coordinator and two workers of one thread each, beside
 * Keras MultiWorkerMirrored and PyTorch DDP with two processes of one thread, and Keras in one process with all cores.
 * The same JPEG files (`signs`), classic net, augmentation, global batch of 32; one system after the other in each round.
 *   npm run bench -- end-to-end --peers [--rounds 2] [--epochs 15] [--quick]
 */
import { importPhotographs, photographs, scratch } from "../support/program.js";
import { peerPythons } from "../support/setup/peers.mjs";
import { accuracyTable, speedTable } from "./end-to-end/report.js";
import { oneProcess, trainyard, twoProcesses } from "./end-to-end/systems.js";
import type { System, Training } from "./end-to-end/training.js";
import { machine } from "./frame/figures.js";
import { hasFlag, isQuick, numberFlag } from "./frame/flags.js";

const accuracies = [0.3, 0.35, 0.4, 0.45, 0.5];
const ours = "trainyard, 2 workers x 1 thread";

async function systems(cwd: string): Promise<System[]> {
  const mine = trainyard(ours, ["--workers", "2", "--threads", "1"], cwd);
  if (!hasFlag("peers")) return [mine];
  const { keras, torch } = await peerPythons();
  return [
    mine,
    twoProcesses("Keras MultiWorkerMirrored, 2 x 1", keras, "keras_mirrored.py"),
    twoProcesses("PyTorch DDP with gloo, 2 x 1", torch, "torch_ddp.py"),
    oneProcess("Keras fit, 1 process, all cores", keras, "keras_classic.py", 3),
  ];
}

async function runRounds(rounds: number, epochs: number): Promise<Map<string, Training[]>> {
  const place = scratch();
  const outcomes = new Map<string, Training[]>();
  try {
    const folder = photographs("signs");
    await importPhotographs("signs", { cwd: place.folder });
    const all = await systems(place.folder);
    for (let seed = 1; seed <= rounds; seed += 1) {
      for (const { name, train } of all) {
        const training = await train({ folder, epochs, seed });
        outcomes.set(name, [...(outcomes.get(name) ?? []), training]);
        console.error(`round ${seed}: ${name} is done`);
      }
    }
    return outcomes;
  } finally {
    place.remove();
  }
}

const rounds = numberFlag("rounds", isQuick ? 1 : 2);
const epochs = numberFlag("epochs", isQuick ? 2 : 15);
console.log(`${machine()}, TensorFlow 2.21`);
console.log(`signs, classic net 64x64x3, batch 32, ${epochs} epochs, ${rounds} interleaved rounds\n`);
const outcomes = await runRounds(rounds, epochs);
console.log(`${speedTable(outcomes, ours)}\n\n${accuracyTable(outcomes, accuracies)}`);
