/** A real Prometheus of a test's own, on a free port of loopback, that scrapes every second. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./minio.js";
import { prometheus } from "./parts.js";

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** NaN and infinities included. */
  readonly values: readonly number[];
}

export interface Target {
  readonly job: string;
  readonly address: string;
  readonly health: string;
  readonly lastError: string;
}

export interface PrometheusOptions {
  /** host:port of the coordinator's HTTP side. */
  readonly coordinator: string;
  /** Files of rules, relative to the clone. */
  readonly rules: readonly string[];
}

/** As deploy/prometheus/prometheus.yml has it, without TLS and tokens. */
const configurationOf = ({ coordinator, rules }: PrometheusOptions) => `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: ${JSON.stringify(rules.map((file) => resolve(file)))}
scrape_configs:
  - job_name: trainyard-coordinator
    static_configs: [{ targets: ["${coordinator}"] }]
  - job_name: trainyard-worker
    http_sd_configs: [{ url: "http://${coordinator}/workers/sd", refresh_interval: 1s }]
`;

export class TestPrometheus {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #url: string;
  #said = "";

  private constructor(process: ChildProcess, folder: string, port: number) {
    this.#process = process;
    this.#folder = folder;
    this.#url = `http://127.0.0.1:${port}`;
    process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
    });
  }

  static async start(options: PrometheusOptions): Promise<TestPrometheus> {
    const folder = await mkdtemp(join(tmpdir(), "trainyard-prometheus-"));
    const port = await freePort();
    await writeFile(join(folder, "prometheus.yml"), configurationOf(options));
    const process = spawn(
      prometheus(),
      [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--log.level=warn",
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    const started = new TestPrometheus(process, folder, port);
    await started.#answers();
    return started;
  }

  /** As a panel that shows one value asks. Errors: what Prometheus says of the query. */
  async now(expr: string): Promise<Series[]> {
    const { result } = await this.#ask<{ result: { metric: Series["labels"]; value: [number, string] }[] }>(
      "query",
      { query: expr },
    );
    return result.map(({ metric, value }) => ({ labels: metric, values: [numberOf(value[1])] }));
  }

  /** As a graph of the last so many seconds asks, every second. Errors: as `now`. */
  async over(expr: string, seconds: number): Promise<Series[]> {
    const end = Date.now() / 1000;
    const range = { start: String(end - seconds), end: String(end), step: "1" };
    const { result } = await this.#ask<{
      result: { metric: Series["labels"]; values: [number, string][] }[];
    }>("query_range", { query: expr, ...range });
    return result.map(({ metric, values }) => ({
      labels: metric,
      values: values.map(([, value]) => numberOf(value)),
    }));
  }

  async targets(): Promise<Target[]> {
    interface Active {
      readonly labels: { readonly job: string; readonly instance: string };
      readonly health: string;
      readonly lastError: string;
    }
    const { activeTargets } = await this.#ask<{ activeTargets: Active[] }>("targets", { state: "active" });
    return activeTargets.map(({ labels, health, lastError }) => ({
      job: labels.job,
      address: labels.instance,
      health,
      lastError,
    }));
  }

  /** Pending and firing ones, by their labels. */
  async alerts(): Promise<{ readonly state: string; readonly labels: Readonly<Record<string, string>> }[]> {
    return (await this.#ask<{ alerts: { state: string; labels: Record<string, string> }[] }>("alerts"))
      .alerts;
  }

  /** Rules and how their last evaluation went: ok, err, unknown before the first. */
  async rules(): Promise<{ readonly name: string; readonly health: string; readonly lastError?: string }[]> {
    interface Group {
      readonly rules: { name: string; health: string; lastError?: string }[];
    }
    return (await this.#ask<{ groups: Group[] }>("rules")).groups.flatMap(({ rules }) => rules);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      const ended = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await ended;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<void> {
    for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 50) {
      if (this.#process.exitCode !== null) throw new Error(`Prometheus ended at once: ${this.#said}`);
      const isReady = await fetch(`${this.#url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isReady) return;
      await sleep(50);
    }
    throw new Error(`Prometheus does not answer: ${this.#said}`);
  }

  async #ask<T>(what: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
    const answer = await fetch(`${this.#url}/api/v1/${what}?${new URLSearchParams(parameters)}`);
    const reply = (await answer.json()) as { status: string; error?: string; data: T };
    if (reply.status !== "success") throw new Error(`${parameters["query"] ?? what}: ${reply.error}`);
    return reply.data;
  }
}

const numberOf = (text: string) => (text.endsWith("Inf") ? Number(`${text}inity`) : Number(text));
