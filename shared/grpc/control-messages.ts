/**
 * The control plane's messages as tagged unions. Decoding checks what a peer sent; encoding gives the plain
 * objects that proto-loader serialises. Fields are documented in proto/trainyard/v1/control.proto.
 */
import { z } from "zod";
import { TrainyardError } from "../errors.js";
import { limits } from "../limits.js";
import { bytes, float64, listOf, uint32, uint64 } from "./numbers.js";
import { name, nameOrNone, sentence, workerPhase } from "./texts.js";

const Fingerprint = z.object({ tensorflow: nameOrNone, device: nameOrNone, nodeMajor: uint32 });
export type WireFingerprint = z.infer<typeof Fingerprint>;

const workerBodies = {
  hello: z.object({
    protocol: uint32,
    version: nameOrNone,
    worker: name,
    host: nameOrNone,
    pid: uint32,
    fingerprint: Fingerprint.nullable(),
    metrics: nameOrNone,
  }),
  ready: z.object({ layoutJson: z.string() }),
  initialised: z.object({}),
  laneRecord: z.object({
    step: uint64,
    lane: uint32,
    samples: uint32,
    finite: z.boolean(),
    lossSum: float64,
    correct: uint32,
    statistics: bytes,
    computeSeconds: z.number().nonnegative(),
    attempt: uint32,
  }),
  blockResult: z.object({
    step: uint64,
    block: uint32,
    lossSum: float64,
    predicted: listOf(uint32, limits.evaluationBlock),
  }),
  exported: z.object({ checkpoint: name, paths: listOf(sentence, limits.exportedPaths) }),
  assignmentFailed: z.object({ assignment: name, code: nameOrNone, message: sentence }),
  heartbeat: z.object({ phase: workerPhase }),
  leaving: z.object({ reason: sentence }),
  settled: z.object({ step: uint64, attempt: uint32 }),
  auditDone: z.object({
    step: uint64,
    beginLane: uint32,
    endLane: uint32,
    finite: z.boolean(),
    attempt: uint32,
  }),
  damaged: z.object({
    step: uint64,
    split: z.enum(["train", "validation"]),
    samples: listOf(uint64, limits.damagedSamples),
    key: sentence,
    reason: sentence,
    attempt: uint32,
  }),
} as const;

/** Not given by the core: the shell fills it in where work is traced. */
const traceparent = nameOrNone.optional();

const coordinatorBodies = {
  welcome: z.object({ specJson: z.string(), store: z.string() }),
  refused: z.object({ code: z.string(), message: z.string(), retry: z.boolean() }),
  slices: z.object({
    slices: z.array(z.object({ slice: uint32, begin: uint64, end: uint64, port: uint32 })),
    ticket: z.string(),
  }),
  initialise: z.object({ traceparent }),
  gradients: z.object({
    step: uint64,
    epoch: uint64,
    stepInEpoch: uint64,
    lanes: z.array(uint32),
    excluded: z.array(uint64),
    attempt: uint32,
    traceparent,
  }),
  audit: z.object({
    step: uint64,
    epoch: uint64,
    stepInEpoch: uint64,
    beginLane: uint32,
    endLane: uint32,
    excluded: z.array(uint64),
    attempt: uint32,
    traceparent,
  }),
  evaluate: z.object({
    step: uint64,
    blocks: z.array(uint32),
    statistics: bytes,
    excluded: z.array(uint64),
    traceparent,
  }),
  export: z.object({ checkpoint: z.string(), traceparent }),
  finished: z.object({ outcome: z.string(), message: z.string() }),
  drain: z.object({ reason: z.string() }),
} as const;

type Tagged<Bodies extends Record<string, z.ZodType>> = {
  [Kind in keyof Bodies & string]: { readonly kind: Kind } & (z.infer<Bodies[Kind]> extends Record<
    string,
    never
  >
    ? unknown
    : z.infer<Bodies[Kind]>);
}[keyof Bodies & string];

/** What a worker says. */
export type WorkerBody = Tagged<typeof workerBodies>;
/** What the coordinator says. */
export type CoordinatorBody = Tagged<typeof coordinatorBodies>;
export type SliceEndpoint = z.infer<typeof coordinatorBodies.slices>["slices"][number];

export interface Envelope<Body> {
  readonly run: string;
  readonly generation: number;
  readonly body: Body;
}

const Header = z.object({ run: nameOrNone, generation: uint64, body: z.string() });

function decode<Body>(bodies: Record<string, z.ZodType>, message: unknown): Envelope<Body> {
  const header = Header.safeParse(message);
  if (!header.success) throw malformed(sayWrong(header.error));
  const kind = header.data.body;
  const schema = Object.hasOwn(bodies, kind) ? bodies[kind] : undefined;
  if (schema === undefined) throw malformed(`unknown kind ${kind}`);
  const body = schema.safeParse((message as Record<string, unknown>)[kind]);
  if (!body.success) throw malformed(`${kind}: ${sayWrong(body.error)}`);
  return {
    run: header.data.run,
    generation: header.data.generation,
    body: { kind, ...(body.data as object) } as Body,
  };
}

/** The first thing that is wrong: there may be as many as the peer likes. */
function sayWrong({ issues: [first] }: z.ZodError): string {
  return `${first?.path.join(".") || "all of it"} is not what it must be: ${first?.message ?? ""}`;
}

function malformed(detail: string): TrainyardError {
  return new TrainyardError("REFUSED", `a control message that is not of this protocol: ${detail}`);
}

export const decodeFromWorker = (message: unknown) => decode<WorkerBody>(workerBodies, message);
export const decodeFromCoordinator = (message: unknown) =>
  decode<CoordinatorBody>(coordinatorBodies, message);

/** The object that proto-loader serialises for either direction. */
export function encode(envelope: Envelope<WorkerBody | CoordinatorBody>): object {
  const { kind, ...fields } = envelope.body;
  return { run: envelope.run, generation: envelope.generation, [kind]: fields };
}
