/**
 * `npm run sim -- --seeds 100000` runs that many seeds (from `--from`, 1 unless given) and prints how to replay the first
 * that fails; `npm run sim -- --seed 4711` replays one and prints its transcript.
 */
import { describe } from "./faults.js";
import { planOf } from "./plan.js";
import { runScript } from "./run.js";

function flag(name: string): number | null {
  const at = process.argv.indexOf(`--${name}`);
  if (at < 0) return null;
  const value = Number(process.argv[at + 1]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} needs a whole number`);
  process.exit(2);
}

async function replay(seed: number): Promise<number> {
  const script = planOf(seed);
  console.log(`seed ${seed}: ${JSON.stringify(script.setup)}`);
  for (const fault of script.faults)
    console.log(`  at ${(fault.atMs / 1000).toFixed(3)} s ${describe(fault)}`);
  const { problem, afterMs } = await runScript(script, console.log);
  console.log(
    problem === null ? `all holds, ${(afterMs / 1000).toFixed(1)} s after the faults` : `FAILED: ${problem}`,
  );
  return problem === null ? 0 : 1;
}

async function runMany(first: number, count: number): Promise<number> {
  const startedMs = performance.now();
  let failures = 0;
  let longestMs = 0;
  let events = 0;
  for (let seed = first; seed < first + count; seed += 1) {
    const { problem, afterMs, simulation } = await runScript(planOf(seed));
    longestMs = Math.max(longestMs, afterMs);
    events += simulation.scheduler.taken;
    if (problem === null) continue;
    failures += 1;
    console.log(`seed ${seed}: ${problem}\n  npm run sim -- --seed ${seed}`);
    if (failures >= 10) break;
  }
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(
    `${count} seeds, ${failures} failed; ${events} events in ${seconds.toFixed(1)} s; at most ${(longestMs / 1000).toFixed(1)} s from the end of the faults to the end of the run`,
  );
  return failures === 0 ? 0 : 1;
}

const one = flag("seed");
process.exit(one === null ? await runMany(flag("from") ?? 1, flag("seeds") ?? 1_000) : await replay(one));
