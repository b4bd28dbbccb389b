/**
 * Transcripts of the core, in the manner of etcd raft's testdata: a text file of scenarios, each a promise followed by
 * commands, and under each command the effects that it had. Replaying a scenario gives its text again.
 *
 *     # the promise
 *     begin a b
 *     ----
 *     a <- gradients step=0 lanes=0,1
 *     b <- gradients step=0 lanes=2,3
 *
 * The commands are the functions of `commands` below. `test/unit/core-transcripts/README.md` describes them for readers.
 */
import type { CoreEvent, Effect } from "../../coordinator/core/events.js";
import type { WorkerBody } from "../../shared/grpc/control-messages.js";
import { RunSpec } from "../../shared/spec.js";
import { CoreDriver, tinySpec } from "./core-driver.js";
import { lastSaved, restoredFrom } from "./core-restored.js";
import { effectLine, stateLine } from "./core-transcript-lines.js";

export interface Scenario {
  /** What the scenario shows, in one sentence. */
  readonly promise: string;
  readonly commands: readonly string[];
  /** The scenario as it stands in its file. */
  readonly text: string;
}

/** The text before the first scenario, which says what the file is about, and the scenarios. */
export function readTranscript(text: string): { readonly preface: string; readonly scenarios: Scenario[] } {
  const [preface = "", ...parts] = text.split(/^# /m);
  const scenarios = parts.map((part) => {
    const lines = part.trimEnd().split("\n");
    const commands = lines.flatMap((line, index) => (lines[index + 1] === "----" ? [line] : []));
    return { promise: lines[0] ?? "", commands, text: `# ${part.trimEnd()}` };
  });
  return { preface: preface.trimEnd(), scenarios };
}

/** Replays the commands on a new core. Returns the scenario's text. Errors: a command that does not exist. */
export function replay({ promise, commands }: Pick<Scenario, "promise" | "commands">): string {
  const stage = new Stage();
  const blocks = commands.map((command) => [command, "----", ...stage.carryOut(command)].join("\n"));
  return [`# ${promise}`, ...blocks].join("\n\n").replace("\n\n", "\n");
}

type Words = readonly string[];
type Values = Readonly<Record<string, unknown>>;

/** One scenario's core, made by `run` or by the first command that needs it. */
class Stage {
  #core: CoreDriver | undefined;
  #former: CoreDriver | undefined;

  get core(): CoreDriver {
    this.#core ??= new CoreDriver(tinySpec());
    return this.#core;
  }

  carryOut(line: string): string[] {
    const [name = "", ...rest] = line.split(" ");
    const command = commands[name];
    if (command === undefined)
      throw new Error(`a transcript has no command ${JSON.stringify(name)}: ${line}`);
    const words = rest.filter((word) => !/^\w+=/.test(word));
    const values = Object.fromEntries(rest.filter((word) => /^\w+=/.test(word)).map(keyAndValue));
    const shown = command(this, words, values);
    return shown.map((item) => (typeof item === "string" ? item : effectLine(item)));
  }

  run({ samples = 22, labels = [0, 1, 1], ...change }: Values): void {
    const spec = RunSpec.parse({ ...tinySpec(), ...change });
    this.#core = new CoreDriver(spec, Number(samples), labels as number[]);
  }

  /** The next coordinator, with what the former one saved last. */
  takeOver({ samples = 22, labels = [0, 1, 1], redone = 0, ...change }: Values): void {
    this.#former = this.core;
    const { spec } = this.#former.state.run.dimensions;
    const restored = restoredFrom(lastSaved(this.#former), Number(redone));
    this.#core = new CoreDriver(
      RunSpec.parse({ ...spec, ...change }),
      Number(samples),
      labels as number[],
      restored,
    );
  }
}

/** `lanes=2`, `device=cpu`, `excluded=[1,2]`, `outage=true`: JSON where it is JSON, else text. */
function keyAndValue(word: string): [string, unknown] {
  const at = word.indexOf("=");
  const value = word.slice(at + 1);
  try {
    return [word.slice(0, at), JSON.parse(value)];
  } catch {
    return [word.slice(0, at), value];
  }
}

const on = ({ core }: Stage, event: CoreEvent): Effect[] => core.on(event);
const sentence = (words: Words) => words.join(" ");
const stepOf = ({ core }: Stage) => core.state.progress.step;
const attemptOf = ({ core }: Stage) => (core.state.phase.tag === "training" ? core.state.phase.attempt : 0);

/** In ticks of a second, as a coordinator has them; each of these workers is heard of before each tick. */
function wait(stage: Stage, milliseconds: number, heard: readonly string[]): Effect[] {
  const effects: Effect[] = [];
  for (let left = milliseconds; left > 0; left -= 1_000) {
    for (const worker of heard) {
      if (stage.core.state.workers.has(worker)) {
        effects.push(...stage.core.says(worker, { kind: "heartbeat", phase: "compute", share: 0, done: 0 }));
      }
    }
    effects.push(...stage.core.passes(Math.min(left, 1_000)));
  }
  return effects;
}

/** What a worker says it does. */
const heartbeat = (phase: string): WorkerBody =>
  ({ kind: "heartbeat", phase, share: 0, done: 0 }) as WorkerBody;

const milliseconds = (word = "0") => Number.parseFloat(word) * (word.endsWith("ms") ? 1 : 1_000);
const list = (word = "") => (word === "" || word === "-" ? [] : word.split(","));
const numbers = (word = "") => list(word).map(Number);

type Command = (stage: Stage, words: Words, values: Values) => (Effect | string)[];

const commands: Readonly<Record<string, Command>> = {
  run: (stage, _, values) => {
    stage.run(values);
    return [];
  },
  takeover: (stage, _, values) => {
    stage.takeOver(values);
    return [];
  },
  hello: ({ core }, [worker = ""], values) => core.hello(worker, values),
  ready: ({ core }, [worker = ""]) => core.isReady(worker),
  join: ({ core }, workers) => workers.flatMap((worker) => core.joins(worker)),
  /** Up to the first step; shows what the last event before it brings about. */
  begin: ({ core }, workers) => core.begins(...workers),
  slices: (stage, [count = "1"]) => on(stage, { tag: "slicesUp", count: Number(count) }),
  loaded: (stage, [slice = "0"]) => on(stage, { tag: "sliceLoaded", slice: Number(slice) }),
  written: (stage, [checkpoint = ""]) => on(stage, { tag: "checkpointWritten", checkpoint }),
  unwritten: (stage, [checkpoint = "", ...message], { outage = false }) =>
    on(stage, { tag: "checkpointFailed", checkpoint, message: sentence(message), isOutage: outage === true }),
  record: ({ core }, [worker = "", lanes], values) =>
    numbers(lanes).flatMap((lane) => core.record(worker, lane, values)),
  settle: ({ core }, workers) => workers.flatMap((worker) => core.settles(worker)),
  whole: ({ core }, _, { root = 2 }) => core.sliceWhole(Number(root)),
  committed: ({ core }) => core.committed(),
  /** Heartbeats say that so many lanes of the worker's oldest share, or files of its export, are done. */
  progress: ({ core }, [worker = "", done = "1"]) => {
    const { shares, lastShare } = core.state.workers.get(worker) ?? { shares: [], lastShare: 0 };
    const share = shares[0]?.number ?? lastShare;
    return core.says(worker, { kind: "heartbeat", phase: "compute", share, done: Number(done) });
  },
  /** The coordinator itself stands still. */
  pause: ({ core }, [time]) => core.stops(milliseconds(time)),
  complete: ({ core }, [times = "1"]) => {
    const before = core.effects.length;
    for (let time = 0; time < Number(times); time += 1) core.completesStep();
    return core.effects.slice(before);
  },
  block: (stage, [worker = "", block = "0"], { loss = 1, predicted = "0,1,1" }) =>
    stage.core.says(worker, {
      kind: "blockResult",
      step: stepOf(stage),
      block: Number(block),
      lossSum: Number(loss),
      predicted: numbers(String(predicted)),
    }),
  damaged: (stage, [worker = "", samples], { split = "train" }) =>
    stage.core.says(worker, {
      kind: "damaged",
      step: stepOf(stage),
      attempt: attemptOf(stage),
      split: split === "validation" ? "validation" : "train",
      samples: numbers(samples),
      key: "shards/000000.tar",
      reason: `sample ${samples} does not match its hash`,
    }),
  compared: (stage, [worker = "", node = ""], { agrees = "", differs = "" }) => {
    const [begin = 0, end = 0] = node.split("-").map(Number);
    const compared = { slice: 0, step: stepOf(stage), node: { begin, end }, worker };
    return on(stage, {
      tag: "sliceCompared",
      ...compared,
      agrees: list(String(agrees)),
      differs: list(String(differs)),
    });
  },
  audited: (stage, [worker = "", node = ""], { finite = true }) => {
    const [beginLane = 0, endLane = 0] = node.split("-").map(Number);
    const place = { step: stepOf(stage), attempt: attemptOf(stage), beginLane, endLane };
    return stage.core.says(worker, { kind: "auditDone", ...place, finite: finite === true });
  },
  failed: ({ core }, [worker = "", assignment = "", code = "", ...message]) =>
    core.says(worker, { kind: "assignmentFailed", assignment, code, message: sentence(message) }),
  exported: ({ core }, [worker = "", checkpoint = ""]) =>
    core.says(worker, { kind: "exported", checkpoint, paths: ["model.h5"] }),
  published: (stage) => on(stage, { tag: "published" }),
  beat: ({ core }, [worker = "", phase = "compute"], { generation = core.state.run.generation }) =>
    core.says(worker, heartbeat(phase), Number(generation)),
  tick: ({ core }, [time]) => core.passes(milliseconds(time)),
  wait: (stage, [time], { heard = "" }) => wait(stage, milliseconds(time), list(String(heard))),
  left: (stage, [worker = "", ...reason]) => on(stage, { tag: "left", worker, reason: sentence(reason) }),
  stop: (stage, reason) => on(stage, { tag: "stop", reason: sentence(reason) }),
  interrupt: (stage, reason) => on(stage, { tag: "interrupt", reason: sentence(reason) }),
  state: ({ core }) => [stateLine(core)],
};
