/**
 * What is attacked: a coordinator as a user starts it, on loopback, which trains with one honest worker, run after run
 * for as long as there are attacks. Harm is: it does not answer, does not go on, holds memory, loses the honest worker,
 * logs what nobody expected, or ends with other weights than a run that nobody attacked.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { expect } from "vitest";
import type { WireFingerprint } from "../../shared/grpc/control-messages.js";
import { RunStatus } from "../../shared/status.js";
import { checksums, TestCluster } from "../support/cluster.js";
import { scratch, succeed } from "../support/program.js";
import { type FinishedRun, finishedRun, importFaces } from "../support/reference-run.js";

const epochs = 16;
const flags = [
  "--lanes",
  "4",
  "--batch-size",
  "32",
  "--epochs",
  `${epochs}`,
  "--image-size",
  "32",
  "--seed",
  "5",
];
/** What attacks may leave behind in the coordinator after a collection: buffers of streams that are open still. */
const grownBytes = 64 * 1024 * 1024;
/** Has the coordinator tell what it holds after a collection. */
const heldBytesPreload = pathToFileURL(resolve("test/support/held-bytes.mjs")).href;
/** An answer takes milliseconds; two busy cores make it longer. */
const answerMs = 10_000;
/** The longest of its deadlines for a worker that holds lanes and sends nothing is 10 s. */
const progressMs = 150_000;

export interface Ports {
  readonly control: number;
  readonly tensors: readonly number[];
  readonly http: number;
}

/** A run that trains. */
export interface Attacked {
  readonly run: string;
  readonly generation: number;
  readonly ports: Ports;
  /** Where it stands now. */
  status(): Promise<RunStatus>;
}

interface Life extends Attacked {
  readonly cluster: TestCluster;
  /** What the coordinator held after a collection, at its first steps. */
  readonly heldBytes: number;
  /** Steps in all. */
  readonly steps: number;
}

export class Target {
  readonly #place = scratch();
  readonly #store = `file:${this.#place.folder}/store`;
  readonly #tokens = join(this.#place.folder, "tokens.json");
  readonly #held = join(this.#place.folder, "held");
  #unbroken: FinishedRun | undefined;
  #life: Life | null = null;
  #lives = 0;
  /** Of the store's documents: what an honest worker shows. */
  layoutJson = "";
  fingerprint: WireFingerprint | undefined;
  workerToken = "";
  #viewerToken = "";

  static async open(): Promise<Target> {
    const target = new Target();
    mkdirSync(target.#held);
    await importFaces(target.#options);
    target.workerToken = await target.#createToken("worker");
    target.#viewerToken = await target.#createToken("viewer");
    await target.#beginLife();
    target.#unbroken = await target.#endLife();
    target.#readWorker();
    return target;
  }

  /** A run of which at least the half is still to come. */
  async training(): Promise<Attacked> {
    const life = this.#life;
    if (life !== null) {
      const status = await life.status().catch(() => null);
      if (status !== null && status.step < life.steps / 2) return life;
      this.#expectUnbroken(await this.#endLife());
    }
    return await this.#beginLife();
  }

  /** Fails when what was done has harmed the run, or it is over and did not end as it must. */
  async expectUnharmed(): Promise<void> {
    const life = this.#life;
    if (life === null) throw new Error("nothing was attacked");
    const first = await orOver(life, life.status());
    const next = first === "over" ? first : await orOver(life, this.#goesOn(life, first.step));
    if (next === "over") return this.#expectUnbroken(await this.#endLife());
    const held = await orOver(life, this.#heldBytes(life.cluster));
    if (held === "over") return this.#expectUnbroken(await this.#endLife());
    const grown = held - life.heldBytes;
    expect(grown, "bytes that it holds more than before").toBeLessThan(grownBytes);
  }

  /** The last run comes to its end as well. */
  async end(): Promise<void> {
    if (this.#life !== null) this.#expectUnbroken(await this.#endLife());
  }

  async close(): Promise<void> {
    await this.#life?.cluster.close();
    this.#place.remove();
  }

  get #options() {
    const { folder } = this.#place;
    const env = {
      TRAINYARD_TOKEN: this.workerToken,
      NODE_OPTIONS: `--import=${heldBytesPreload}`,
      TEST_HELD_BYTES_FOLDER: this.#held,
    };
    return { cwd: folder, store: this.#store, env };
  }

  async #createToken(role: string): Promise<string> {
    const words = ["tokens", "create", "--role", role, "--file", this.#tokens, "--json"];
    return (JSON.parse(await succeed(words, this.#options)) as { readonly token: string }).token;
  }

  async #beginLife(): Promise<Life> {
    this.#lives += 1;
    const run = `life-${this.#lives}`;
    const tensors = await freePorts(2);
    const own = ["--run", run, "--tokens", this.#tokens, "--tensor-port", `${tensors[0]}`, "--reducers", "2"];
    const cluster = await TestCluster.start("faces", [...flags, ...own], this.#options);
    cluster.worker("honest");
    const ports = { control: portOf(cluster.ready.address), tensors, http: portOf(cluster.ready.http) };
    const status = () => this.#status(ports);
    const { steps } = await waitFor("the first steps", status, ({ step }) => step >= 2);
    const heldBytes = await this.#heldBytes(cluster);
    this.#life = { run, generation: 1, ports, status, cluster, heldBytes, steps };
    return this.#life;
  }

  /** Waits for the run's end. Fails when the honest worker did not live through it, or errors were logged. */
  async #endLife(): Promise<FinishedRun> {
    const { cluster, run } = this.#life as Life;
    this.#life = null;
    const { code, stderr } = await cluster.coordinatorEnd;
    expect({ code, last: stderr.slice(-2_000) }).toMatchObject({ code: 0 });
    expect(await cluster.end("honest")).toMatchObject({ code: 0 });
    const lines = stderr.split("\n");
    expect(lines.filter((line) => /worker honest (left|is suspect|is drained)/.test(line))).toEqual([]);
    expect(
      lines.filter((line) => /unhandled|uncaught|invariant|TypeError|RangeError|\n {4}at /i.test(line)),
    ).toEqual([]);
    return await finishedRun(run, this.#options);
  }

  /** Of losses nothing is expected: who holds a lane may lie about its statistics, which weights don't rest on. */
  #expectUnbroken({ curve, result }: FinishedRun): void {
    const unbroken = this.#unbroken as FinishedRun;
    expect(checksums(curve)).toEqual(checksums(unbroken.curve));
    expect(result.weightsSha256).toBe(unbroken.result.weightsSha256);
    const counts = { skipped: 0, excluded: 0, lost: 0, repeated: 0 };
    expect(result.samples).toMatchObject({ ...counts, committed: unbroken.result.samples.committed });
  }

  async #goesOn({ status }: Life, step: number): Promise<void> {
    await waitFor(`a step after ${step}`, status, (now) => now.step > step || now.phase !== "training");
  }

  async #status(ports: Ports): Promise<RunStatus> {
    return RunStatus.parse(JSON.parse(await this.#ask(ports, "/status")));
  }

  /** After a collection in every thread of the coordinator, which answers with a file. */
  async #heldBytes(cluster: TestCluster): Promise<number> {
    const file = join(this.#held, `${cluster.coordinatorPid}`);
    rmSync(file, { force: true });
    cluster.signalCoordinator("SIGUSR2");
    while (!existsSync(file)) await sleep(20);
    return Number(readFileSync(file, "utf8"));
  }

  async #ask({ http }: Ports, path: string): Promise<string> {
    const headers = { authorization: `Bearer ${this.#viewerToken}`, connection: "close" };
    const signal = AbortSignal.timeout(answerMs);
    const answer = await fetch(`http://127.0.0.1:${http}${path}`, { headers, signal });
    expect(answer.status).toBe(200);
    return await answer.text();
  }

  /** What an honest worker says of itself and its model. */
  #readWorker(): void {
    const folder = join(this.#place.folder, "store", "runs", "life-1", "checkpoints");
    const [checkpoint = ""] = readdirSync(folder);
    const state = JSON.parse(readFileSync(join(folder, checkpoint, "state.json"), "utf8"));
    this.layoutJson = JSON.stringify(state.layout);
    this.fingerprint = state.fingerprints[0];
  }
}

/** What was asked for, or that the run came to its end meanwhile: then nobody answers any more. */
async function orOver<T>({ cluster }: Life, asked: Promise<T>): Promise<T | "over"> {
  const over = cluster.coordinatorEnd.then(() => "over" as const);
  const answer = asked.catch(async (error: Error) => {
    const isOver = await Promise.race([over, sleep(answerMs)]);
    if (isOver === undefined) throw error;
    return isOver;
  });
  return await Promise.race([answer, over]);
}

async function waitFor(
  what: string,
  status: () => Promise<RunStatus>,
  isThere: (status: RunStatus) => boolean,
): Promise<RunStatus> {
  for (const startedMs = Date.now(); ; await sleep(50)) {
    const now = await status();
    if (isThere(now)) return now;
    if (Date.now() - startedMs > progressMs) throw new Error(`never: ${what}: ${JSON.stringify(now)}`);
  }
}

const portOf = (address: string) => Number(address.slice(address.lastIndexOf(":") + 1));

/** So many in a row that nobody has. */
async function freePorts(count: number): Promise<number[]> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 12_000);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
