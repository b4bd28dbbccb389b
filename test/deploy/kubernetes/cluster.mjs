/**
 * The lab's Kubernetes (../shared/lab/kube-lab.sh: a real control plane, nodes without machines): started, asked, stopped.
 * What waits for something says for what, and has an end.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * A Kubernetes object, or a list of them, as far as these scripts look into it.
 * @typedef {any} KubeObject
 * @typedef {{ code: number, stdout: string, stderr: string }} Ended
 */

const script = resolve("../shared/lab/kube-lab.sh");
const labFolder = process.env["KUBE_LAB_HOME"] ?? join(homedir(), ".cache", "lab");
const kubectlProgram = join(labFolder, "bin", "kube", "kubectl");
const pollMs = 500;

export const namespace = "trainyard";

/** Builds the lab the first time. Errors: what the lab said. */
export async function startCluster() {
  if (!existsSync(script)) throw new Error(`${script} is not there; the lab lies beside the clone`);
  const { stdout } = await succeed(script, ["up"]);
  process.env["KUBECONFIG"] = stdout.trim().split("\n").at(-1);
  process.env["PATH"] = `${join(labFolder, "bin", "kube")}:${process.env["PATH"]}`;
}

export const stopCluster = () => succeed(script, ["down"]);

/**
 * Ends a pod as a container's exit would.
 * @param {string} pod
 * @param {number} exitCode
 */
export const endPod = (pod, exitCode) => succeed(script, ["fail", namespace, pod, String(exitCode)]);

/**
 * Standard output. Errors: what kubectl said.
 * @param {readonly string[]} words
 * @param {string} [input]
 */
export const kubectl = async (words, input) => (await succeed(kubectlProgram, words, input)).stdout;

/**
 * How it ended, whatever that is.
 * @param {readonly string[]} words
 * @param {string} [input]
 */
export const tryKubectl = (words, input) => run(kubectlProgram, words, input);

/**
 * Objects of a kind in the namespace.
 * @param {string} kind
 * @param {string} [selector] labels
 * @returns {Promise<KubeObject[]>}
 */
export async function list(kind, selector) {
  const words = ["get", kind, "--namespace", namespace, "--output", "json"];
  return JSON.parse(await kubectl(selector === undefined ? words : [...words, "--selector", selector])).items;
}

/**
 * @param {string} kind
 * @param {string} name
 * @returns {Promise<KubeObject>}
 */
export const get = async (kind, name) =>
  JSON.parse(await kubectl(["get", kind, name, "--namespace", namespace, "--output", "json"]));

/**
 * Applies as README.md says. Errors: what the API server refuses, and every warning, Pod Security's among them.
 * @param {string} yaml
 */
export async function apply(yaml) {
  const ended = await tryKubectl(["apply", "--server-side", "--validate=strict", "--filename", "-"], yaml);
  const warnings = ended.stderr.split("\n").filter((line) => line.startsWith("Warning:"));
  if (ended.code !== 0 || warnings.length > 0) throw new Error(ended.stderr.trim());
}

/**
 * Looks until there is something to return. Errors: after `seconds`, with what the last look saw.
 * @template T
 * @param {string} what
 * @param {() => Promise<T | undefined>} look
 * @param {number} [seconds]
 * @returns {Promise<T>}
 */
export async function until(what, look, seconds = 90) {
  const endMs = performance.now() + seconds * 1000;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > endMs) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(pollMs);
  }
}

/**
 * @param {string} program
 * @param {readonly string[]} words
 * @param {string} [input]
 */
async function succeed(program, words, input) {
  const ended = await run(program, words, input);
  if (ended.code !== 0) throw new Error(`${words.slice(0, 3).join(" ")}: ${ended.stderr.trim()}`);
  return ended;
}

/**
 * @param {string} program
 * @param {readonly string[]} words
 * @param {string} [input]
 * @returns {Promise<Ended>}
 */
export function run(program, words, input) {
  return new Promise((done, failed) => {
    const child = spawn(program, words, { stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout?.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    child.once("error", failed);
    child.once("close", (code) => done({ code: code ?? 1, stdout, stderr }));
    child.stdin?.end(input);
  });
}
