/**
 * A Docker engine for the tests: the machine's own, else the laboratory's beside the repository, which also has stand-ins
 * for images that can't be pulled. Takes a while the first time.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");
const laboratory = resolve(root, "../shared/lab/docker-lab.sh");

export { root };

/** @param {(line: string) => void} say */
export function needEngine(say) {
  if (!isAnswering()) {
    if (!existsSync(laboratory)) throw new Error("docker does not answer; start it, then run this again");
    say("docker does not answer; starting the laboratory's (about 20 minutes the first time)");
    runLaboratory([]);
  }
  if (isLaboratory()) runLaboratory(["tags", "compose.yaml", "deploy/Dockerfile"]);
}

const isAnswering = () => spawnSync("docker", ["info"], { stdio: "ignore" }).status === 0;

/** Its images carry a label. */
const isLaboratory = () =>
  existsSync(laboratory) &&
  spawnSync("docker", ["image", "inspect", "lab/node"], { stdio: "ignore" }).status === 0;

/** @param {readonly string[]} words */
function runLaboratory(words) {
  // A workspace file in a downloaded Go module is none of this machine's business.
  const env = { ...process.env, GOWORK: "off" };
  execFileSync("bash", [laboratory, ...words], { cwd: root, stdio: ["ignore", "inherit", "inherit"], env });
}
