/**
 * A Docker engine for the tests: the machine's own, else the laboratory's beside the repository, which also has stand-ins
 * for images that can't be pulled. Takes a while the first time.
 */
import { spawnSync } from "node:child_process";
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
    if (runLaboratory([]) !== 0) throw new Error(`${laboratory} failed`);
  }
  // Its exit code says nothing: it is 1, too, when a file names no image of a kind.
  if (isLaboratory()) runLaboratory(["tags", "compose.yaml", "deploy/Dockerfile"]);
}

const isAnswering = () => spawnSync("docker", ["info"], { stdio: "ignore" }).status === 0;

const isLaboratory = () =>
  existsSync(laboratory) &&
  spawnSync("docker", ["image", "inspect", "lab/node"], { stdio: "ignore" }).status === 0;

/**
 * The exit code.
 * @param {readonly string[]} words
 */
function runLaboratory(words) {
  // Go modules are built as they were published, whatever workspace file came with them.
  const env = { ...process.env, GOWORK: "off" };
  return spawnSync("bash", [laboratory, ...words], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env,
  }).status;
}
