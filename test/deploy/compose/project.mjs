/**
 * The clone's compose.yaml as a project of its own: another name, other ports, so that one which runs already is not
 * touched. Everything is done by the commands that the runbook gives.
 */
import { execFile } from "node:child_process";
import { request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { root } from "./engine.mjs";

const execute = promisify(execFile);

/** @typedef {{ run?: string, phase: string, message?: string, step: number, workers: readonly unknown[] }} Status */
/** @typedef {{ page: { password: string }, certificateAuthority: string }} Secrets */

const ports = {
  COORDINATOR_PORT: "17070",
  PAGE_PORT: "17080",
  MINIO_PORT: "19000",
  MINIO_CONSOLE_PORT: "19001",
  PROMETHEUS_PORT: "19090",
  GRAFANA_PORT: "13000",
};

export class Project {
  /** @type {NodeJS.ProcessEnv} */
  #environment;
  /** @type {Secrets | undefined} */
  #secrets;

  /**
   * @param {string} name
   * @param {Readonly<Record<string, string>>} settings variables of compose.yaml
   */
  constructor(name, settings) {
    this.#environment = { ...process.env, ...ports, ...settings, COMPOSE_PROJECT_NAME: name };
  }

  /**
   * Standard output. Errors: what the command said, when it does not end with 0.
   * @param {readonly string[]} words
   */
  async compose(...words) {
    return this.#docker("compose", ...words);
  }

  /** @param {readonly string[]} words of the trainyard command line, as an operator */
  async cli(...words) {
    return this.compose("run", "--rm", "-T", "--no-deps", "cli", ...words);
  }

  /**
   * @param {string} service
   * @returns {Promise<string[]>} ids of its containers, those that have ended included
   */
  async containers(service) {
    return (await this.compose("ps", "--all", "--quiet", service)).split("\n").filter((id) => id !== "");
  }

  /**
   * As a crash does it: Docker is not told, so that it starts the container again.
   * @param {string} container
   */
  async kill(container) {
    const pid = Number(await this.inspect(container, "{{.State.Pid}}"));
    process.kill(pid, "SIGKILL");
  }

  /**
   * @param {string} container
   * @param {string} format
   */
  async inspect(container, format) {
    return (await this.#docker("inspect", "--format", format, container)).trim();
  }

  /**
   * @param {string} container
   * @param {string} processors that it may use from now on
   */
  async limit(container, processors) {
    await this.#docker("update", "--cpus", processors, container);
  }

  /**
   * How the coordinator is, over its published port, by its certificate, with a viewer's token.
   * @returns {Promise<Status>}
   */
  async status() {
    const { page, certificateAuthority } = await this.#readSecrets();
    const headers = { authorization: `Bearer ${page.password}` };
    const text = await get(`https://127.0.0.1:${ports.PAGE_PORT}/status`, certificateAuthority, headers);
    return JSON.parse(text);
  }

  /**
   * The values of an expression in this project's Prometheus.
   * @param {string} expression
   * @returns {Promise<number[]>}
   */
  async query(expression) {
    const url = `http://127.0.0.1:${ports.PROMETHEUS_PORT}/api/v1/query?query=${encodeURIComponent(expression)}`;
    const reply = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    /** @type {{ data: { result: { value: [number, string] }[] } }} */
    const { data } = /** @type {never} */ (await reply.json());
    return data.result.map(({ value }) => Number(value[1]));
  }

  /** Containers, networks, volumes: everything but the images. */
  async remove() {
    const profiles = ["--profile", "seed", "--profile", "tools"];
    await this.compose(...profiles, "down", "--volumes", "--remove-orphans", "--timeout", "10");
  }

  async #readSecrets() {
    this.#secrets ??= /** @type {Secrets} */ (
      JSON.parse(await this.compose("run", "--rm", "-T", "--no-deps", "secrets", "show", "--json"))
    );
    return this.#secrets;
  }

  /** @param {readonly string[]} words */
  async #docker(...words) {
    const options = { cwd: root, env: this.#environment, maxBuffer: 64 * 1024 * 1024 };
    try {
      return (await execute("docker", words, options)).stdout;
    } catch (error) {
      const { stderr = "" } = /** @type {{ stderr?: string }} */ (error);
      throw new Error(`docker ${words.join(" ")}: ${stderr.trim().split("\n").slice(-12).join("\n")}`);
    }
  }
}

/**
 * @param {string} url
 * @param {string} ca
 * @param {Readonly<Record<string, string>>} headers
 * @returns {Promise<string>}
 */
function get(url, ca, headers) {
  return new Promise((resolve, reject) => {
    const options = { ca, headers, signal: AbortSignal.timeout(10_000), agent: false };
    const asked = request(url, options, async (reply) => {
      const chunks = [];
      for await (const chunk of reply) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString("utf8");
      if (reply.statusCode === 200) resolve(text);
      else reject(new Error(`${url} answers ${reply.statusCode}: ${text}`));
    });
    asked.once("error", reject).end();
  });
}

/**
 * The first value that is not null. What fails meanwhile is asked again. Errors: after `seconds`, with what failed last.
 * @template T
 * @param {string} what
 * @param {number} seconds
 * @param {() => Promise<T | null>} ask
 * @returns {Promise<T>}
 */
export async function until(what, seconds, ask) {
  const end = performance.now() + seconds * 1000;
  let last = "";
  while (performance.now() < end) {
    const value = await ask().catch((error) => {
      last = ` (${error instanceof Error ? error.message : String(error)})`;
      return null;
    });
    if (value !== null) return value;
    await sleep(300);
  }
  throw new Error(`${what}: not after ${seconds} s${last}`);
}
