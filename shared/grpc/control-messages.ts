/**
 * The control plane's messages as tagged unions. Decoding checks what a peer sent; encoding gives the plain objects that
 * proto-loader serialises. Fields are documented in proto/trainyard/v1/control.proto; the types generated from it hold
 * the schemas to its fields.
 */
import { z } from "zod";
import { TrainyardError } from "../errors.js";
import { limits } from "../limits.js";
import type { AssignmentFailedReceived } from "./generated/trainyard/v1/AssignmentFailed.js";
import type { AuditReceived } from "./generated/trainyard/v1/Audit.js";
import type { AuditDoneReceived } from "./generated/trainyard/v1/AuditDone.js";
import type { BlockResultReceived } from "./generated/trainyard/v1/BlockResult.js";
import type { DamagedReceived } from "./generated/trainyard/v1/Damaged.js";
import type { DrainReceived } from "./generated/trainyard/v1/Drain.js";
import type { EvaluateReceived } from "./generated/trainyard/v1/Evaluate.js";
import type { ExportReceived } from "./generated/trainyard/v1/Export.js";
import type { ExportedReceived } from "./generated/trainyard/v1/Exported.js";
import type { FingerprintReceived } from "./generated/trainyard/v1/Fingerprint.js";
import type { FinishedReceived } from "./generated/trainyard/v1/Finished.js";
import type { FromCoordinator, FromCoordinatorReceived } from "./generated/trainyard/v1/FromCoordinator.js";
import type { FromWorker, FromWorkerReceived } from "./generated/trainyard/v1/FromWorker.js";
import type { GradientsReceived } from "./generated/trainyard/v1/Gradients.js";
import type { HeartbeatReceived } from "./generated/trainyard/v1/Heartbeat.js";
import type { HelloReceived } from "./generated/trainyard/v1/Hello.js";
import type { InitialiseReceived } from "./generated/trainyard/v1/Initialise.js";
import type { InitialisedReceived } from "./generated/trainyard/v1/Initialised.js";
import type { LaneRecordReceived } from "./generated/trainyard/v1/LaneRecord.js";
import type { LeavingReceived } from "./generated/trainyard/v1/Leaving.js";
import type { ReadyReceived } from "./generated/trainyard/v1/Ready.js";
import type { RefusedReceived } from "./generated/trainyard/v1/Refused.js";
import type { SettledReceived } from "./generated/trainyard/v1/Settled.js";
import type { SliceEndpointReceived } from "./generated/trainyard/v1/SliceEndpoint.js";
import type { SlicesReceived } from "./generated/trainyard/v1/Slices.js";
import type { StoreKeysReceived } from "./generated/trainyard/v1/StoreKeys.js";
import type { WelcomeReceived } from "./generated/trainyard/v1/Welcome.js";
import { bytes, float64, listOf, uint32, uint64 } from "./numbers.js";
import type { BodiesOf, FieldsOf } from "./schema-types.js";
import { name, nameOrNone, sentence, workerPhase } from "./texts.js";

const Fingerprint = z.object({
  tensorflow: nameOrNone,
  device: nameOrNone,
  nodeMajor: uint32,
} satisfies FieldsOf<FingerprintReceived>);
/** A worker's fingerprint as it travels in Hello: what decides whether two workers compute the same bits. */
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
    ownStore: z.boolean().exactOptional(),
  } satisfies FieldsOf<HelloReceived>),
  ready: z.object({ layoutJson: z.string() } satisfies FieldsOf<ReadyReceived>),
  initialised: z.object({} satisfies FieldsOf<InitialisedReceived>),
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
  } satisfies FieldsOf<LaneRecordReceived>),
  blockResult: z.object({
    step: uint64,
    block: uint32,
    lossSum: float64,
    predicted: listOf(uint32, limits.evaluationBlock),
  } satisfies FieldsOf<BlockResultReceived>),
  exported: z.object({
    checkpoint: name,
    paths: listOf(sentence, limits.exportedPaths),
  } satisfies FieldsOf<ExportedReceived>),
  assignmentFailed: z.object({
    assignment: name,
    code: nameOrNone,
    message: sentence,
  } satisfies FieldsOf<AssignmentFailedReceived>),
  heartbeat: z.object({
    phase: workerPhase,
    share: uint64,
    done: uint32,
  } satisfies FieldsOf<HeartbeatReceived>),
  leaving: z.object({ reason: sentence } satisfies FieldsOf<LeavingReceived>),
  settled: z.object({ step: uint64, attempt: uint32, share: uint64 } satisfies FieldsOf<SettledReceived>),
  auditDone: z.object({
    step: uint64,
    beginLane: uint32,
    endLane: uint32,
    finite: z.boolean(),
    attempt: uint32,
  } satisfies FieldsOf<AuditDoneReceived>),
  damaged: z.object({
    step: uint64,
    split: z.enum(["train", "validation"]),
    samples: listOf(uint64, limits.damagedSamples),
    key: sentence,
    reason: sentence,
    attempt: uint32,
  } satisfies FieldsOf<DamagedReceived>),
} as const satisfies BodiesOf<FromWorkerReceived>;

/** The span that the work belongs to. The core leaves it out; the shell fills it in when the run is traced. */
const traceparent = nameOrNone.exactOptional();

const SliceEndpoint = z.object({
  slice: uint32,
  begin: uint64,
  end: uint64,
  port: uint32,
} satisfies FieldsOf<SliceEndpointReceived>);
/** The address of one slice server, and the elements of the flat vector that it holds. */
export type SliceEndpoint = z.infer<typeof SliceEndpoint>;

const StoreKeys = z.object({
  accessKey: z.string(),
  secretKey: z.string(),
  sessionToken: z.string(),
  region: z.string(),
  validSeconds: uint32,
} satisfies FieldsOf<StoreKeysReceived>);

const coordinatorBodies = {
  welcome: z.object({
    specJson: z.string(),
    store: z.string(),
    keysFollow: z.boolean().exactOptional(),
  } satisfies FieldsOf<WelcomeReceived>),
  refused: z.object({
    code: z.string(),
    message: z.string(),
    retry: z.boolean(),
  } satisfies FieldsOf<RefusedReceived>),
  slices: z.object({
    slices: z.array(SliceEndpoint),
    ticket: z.string(),
  } satisfies FieldsOf<SlicesReceived>),
  initialise: z.object({ traceparent } satisfies FieldsOf<InitialiseReceived>),
  gradients: z.object({
    step: uint64,
    epoch: uint64,
    stepInEpoch: uint64,
    lanes: z.array(uint32),
    excluded: z.array(uint64),
    attempt: uint32,
    share: uint64,
    traceparent,
  } satisfies FieldsOf<GradientsReceived>),
  audit: z.object({
    step: uint64,
    epoch: uint64,
    stepInEpoch: uint64,
    beginLane: uint32,
    endLane: uint32,
    excluded: z.array(uint64),
    attempt: uint32,
    share: uint64,
    traceparent,
  } satisfies FieldsOf<AuditReceived>),
  evaluate: z.object({
    step: uint64,
    blocks: z.array(uint32),
    statistics: bytes,
    excluded: z.array(uint64),
    traceparent,
  } satisfies FieldsOf<EvaluateReceived>),
  export: z.object({
    checkpoint: z.string(),
    share: uint64,
    traceparent,
    keys: StoreKeys.nullable().exactOptional(),
  } satisfies FieldsOf<ExportReceived>),
  finished: z.object({ outcome: z.string(), message: z.string() } satisfies FieldsOf<FinishedReceived>),
  drain: z.object({ reason: z.string() } satisfies FieldsOf<DrainReceived>),
  storeKeys: StoreKeys,
} as const satisfies BodiesOf<FromCoordinatorReceived>;

type Tagged<Bodies extends Record<string, z.ZodType>> = {
  [Kind in keyof Bodies & string]: { readonly kind: Kind } & (z.infer<Bodies[Kind]> extends Record<
    string,
    never
  >
    ? unknown
    : z.infer<Bodies[Kind]>);
}[keyof Bodies & string];

/** The body of a message from a worker: one case for each entry of `FromWorker.body`. */
export type WorkerBody = Tagged<typeof workerBodies>;
/** The body of a message from the coordinator: one case for each entry of `FromCoordinator.body`. */
export type CoordinatorBody = Tagged<typeof coordinatorBodies>;

/** A message of the control plane: the run and generation that it belongs to, and its body. */
export interface Envelope<Body> {
  readonly run: string;
  readonly generation: number;
  readonly body: Body;
}

const Header = z.object({ run: nameOrNone, generation: uint64, body: z.string() });

function decode<Body>(bodies: Record<string, z.ZodType>, message: unknown): Envelope<Body> {
  const header = Header.safeParse(message);
  if (!header.success) throw malformed(describeFault(header.error));
  const kind = header.data.body;
  const schema = Object.hasOwn(bodies, kind) ? bodies[kind] : undefined;
  if (schema === undefined) throw malformed(`unknown kind ${kind}`);
  const body = schema.safeParse((message as Record<string, unknown>)[kind]);
  if (!body.success) throw malformed(`${kind}: ${describeFault(body.error)}`);
  return {
    run: header.data.run,
    generation: header.data.generation,
    body: { kind, ...(body.data as object) } as Body,
  };
}

/** Describes the first fault only: a hostile message may have any number of them. */
function describeFault({ issues: [first] }: z.ZodError): string {
  return `${first?.path.join(".") || "the message"} is not valid: ${first?.message ?? ""}`;
}

function malformed(detail: string): TrainyardError {
  return new TrainyardError("REFUSED", `not a control message of this protocol: ${detail}`);
}

/** Checks a worker's decoded message. Errors: REFUSED. */
export const decodeFromWorker = (message: unknown) => decode<WorkerBody>(workerBodies, message);
/** Checks the coordinator's decoded message. Errors: REFUSED. */
export const decodeFromCoordinator = (message: unknown) =>
  decode<CoordinatorBody>(coordinatorBodies, message);

/** The object that proto-loader serialises for one message of the control plane. */
export function encode(envelope: Envelope<WorkerBody>): FromWorker;
export function encode(envelope: Envelope<CoordinatorBody>): FromCoordinator;
export function encode(envelope: Envelope<WorkerBody | CoordinatorBody>): FromWorker | FromCoordinator;
export function encode(envelope: Envelope<WorkerBody | CoordinatorBody>): FromWorker | FromCoordinator {
  const { kind, ...fields } = envelope.body;
  return { run: envelope.run, generation: envelope.generation, [kind]: fields };
}
