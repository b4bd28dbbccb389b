/** Settings of processes and not of runs: where they listen, what they show and ask for, their memory, their traces. */
import { limits } from "../limits.js";
import { readEndpoint } from "./endpoint.js";
import { type FlagsOf, inGroup, type Settings } from "./setting.js";

const everywhere = "Everywhere:";
const security = "Security:";
const network = "Network:";

/** The store of a command line that names none: a folder here. */
export const defaultStore = "file:.trainyard";

/** Settings that every command has. */
export const globalSettings = {
  store: {
    kind: "text",
    default: defaultStore,
    help: "Where data sets and runs live: file:FOLDER or s3://HOST:PORT/BUCKET[/PREFIX]",
    group: everywhere,
  },
  "log-level": {
    kind: "choice",
    choices: ["debug", "info", "warn", "error", "silent"],
    default: "info",
    help: "How much is logged to standard error",
    group: everywhere,
  },
  debug: {
    kind: "boolean",
    default: false,
    help: "Show the stack of an error (also TRAINYARD_DEBUG=1)",
    group: everywhere,
  },
} as const satisfies Settings;
export type GlobalFlags = FlagsOf<typeof globalSettings>;

/** `--json`: the result on standard output as one JSON document, nothing else there. */
export const jsonSetting = {
  kind: "boolean",
  default: false,
  help: "Print the result as JSON on standard output",
} as const;

/** The processor that a worker, or a command that computes by itself, uses. */
export const deviceSettings = {
  device: {
    kind: "choice",
    choices: ["auto", "cpu", "gpu"],
    default: "auto",
    help: "Compute on the GPU, on the CPU, or on a GPU where TensorFlow can use one (auto)",
  },
} as const satisfies Settings;
export type DeviceFlags = FlagsOf<typeof deviceSettings>;

/** A worker's memory and disk for decoded images. They change no bit of a run. */
export const imageCacheSettings = {
  "image-cache-memory": {
    kind: "bytes",
    default: limits.imageCacheBytes,
    help: "Memory of a worker for decoded images: epochs after the first then decode nothing",
  },
  "image-cache-disk": {
    kind: "bytes",
    default: limits.imageFileBytes,
    help: "Disk of a worker for decoded images that memory has no room for, in the user's cache folder, while 2 GiB there stay free; 0 = none",
  },
} as const satisfies Settings;
export type ImageCacheFlags = FlagsOf<typeof imageCacheSettings>;

/** Traces of a worker; its coordinator says which steps are traced. */
export const workerTraceSettings = {
  trace: {
    kind: "text",
    form: "an http or https URL like http://127.0.0.1:4318",
    read: readEndpoint,
    isEmptyNone: true,
    defaultInWords: "none",
    help: "Send spans to the OTLP/HTTP collector at this URL, as http://127.0.0.1:4318",
  },
} as const satisfies Settings;

/** Traces of a coordinator, or of a cluster on this machine. */
export const traceSettings = {
  ...workerTraceSettings,
  "trace-ratio": {
    kind: "number",
    min: 0,
    max: 1,
    unit: "share",
    default: 0.01,
    help: "Share of the steps that are traced; the run's name and the step's number decide which",
  },
} as const satisfies Settings;
export type TraceFlags = FlagsOf<typeof traceSettings>;

/** What a command that listens shows and asks for. */
export const serverSecuritySettings = {
  tls: {
    kind: "text",
    help: "TLS on every port, with ca.crt, tls.crt and tls.key of this folder (trainyard certs)",
    group: security,
  },
  tokens: {
    kind: "text",
    help: "File of token hashes: who may join, look and steer (trainyard tokens)",
    group: security,
  },
  insecure: {
    kind: "boolean",
    default: false,
    help: "Listen beyond loopback without TLS or identity: every peer that reaches the ports can join",
    group: security,
  },
} as const satisfies Settings;
export type ServerSecurityFlags = FlagsOf<typeof serverSecuritySettings>;

/** What a command that calls a coordinator shows it. The token itself is no option: everybody sees command lines. */
export const clientSecuritySettings = {
  tls: {
    kind: "text",
    help: "Use TLS: folder with the CA's ca.crt, and tls.crt and tls.key for mutual TLS",
    group: security,
  },
  "token-file": {
    kind: "text",
    help: "File with the token to show (or the token itself in TRAINYARD_TOKEN)",
    group: security,
  },
} as const satisfies Settings;

/** How commands find a standing coordinator. */
export const coordinatorSettings = {
  coordinator: {
    kind: "text",
    help: "host:port of a standing coordinator's control port (TRAINYARD_COORDINATOR)",
    group: "Coordinator:",
  },
  ...clientSecuritySettings,
  insecure: {
    kind: "boolean",
    default: false,
    help: "Show the token in plain text to another machine",
    group: security,
  },
} as const satisfies Settings;
export type CoordinatorFlags = FlagsOf<typeof coordinatorSettings>;

const port = { kind: "number", isWhole: true, min: 0, max: 65_535, unit: "port", group: network } as const;

/** Threads of a coordinator that add gradients and apply the optimizer. */
export const reducersSetting = {
  kind: "number",
  isWhole: true,
  min: 1,
  max: 64,
  default: 1,
  help: "Reducer threads; never changes a bit",
} as const;

/** Worker processes of a cluster on this machine. */
export const localWorkersSetting = {
  kind: "number",
  isWhole: true,
  min: 1,
  max: 64,
  default: 2,
  help: "Worker processes on this machine",
} as const;

/** The program gives it to processes that it starts: they end when their standard input closes. */
const attached = {
  kind: "boolean",
  default: false,
  help: "Ends with its starter",
  isInternal: true,
} as const;

/** Which keys of an S3 store a coordinator gives its workers. */
export const workerKeySettings = {
  "worker-keys": {
    kind: "choice",
    choices: ["session", "static", "own"],
    default: "session",
    help: "Workers' keys for an S3 store: short-lived ones from its STS, the coordinator's own, or each worker's environment",
    group: security,
  },
  "sts-role-arn": {
    kind: "text",
    help: "Role that the coordinator assumes for its workers' keys, where the store's STS needs one (AWS)",
    group: security,
  },
} as const satisfies Settings;

/** Where a coordinator listens. */
export const listenSettings = {
  host: { kind: "text", default: "127.0.0.1", help: "Address to listen on", group: network },
  advertise: {
    kind: "text",
    defaultInWords: "--host",
    help: "Name or address by which others reach the coordinator",
    group: network,
  },
  ...serverSecuritySettings,
  port: { ...port, default: 7070, help: "Control port (0 = any)" },
  "tensor-port": { ...port, default: 0, help: "Reducer r listens on this + r (0 = any)" },
  "http-port": { ...port, default: 0, help: "Page, /status and /metrics (0 = any)" },
  reducers: { ...reducersSetting, group: network },
  linger: {
    kind: "number",
    min: 0,
    max: 86_400,
    unit: "seconds",
    default: 1,
    help: "Seconds after the end in which late workers and followers still learn of it",
    group: network,
  },
  ...workerKeySettings,
  attached,
} as const satisfies Settings;
export type ListenFlags = FlagsOf<typeof listenSettings>;

/** How a worker finds its coordinator, and where its metrics are. */
export const workerSettings = {
  coordinator: {
    kind: "text",
    default: "127.0.0.1:7070",
    form: "host:port",
    read: (text) => (/^.+:\d+$/.test(text) ? text : null),
    help: "host:port of the coordinator's control port",
  },
  run: {
    kind: "text",
    help: "Work for this run only, and leave with 0 once --store says that it has finished",
  },
  id: {
    kind: "text",
    defaultInWords: "host, pid, random",
    form: `1 to ${limits.nameCharacters} printable characters`,
    read: (text) =>
      /^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(text) && text.length <= limits.nameCharacters ? text : null,
    help: "Name of this worker",
  },
  "metrics-host": { kind: "text", default: "127.0.0.1", help: "Where /metrics listens" },
  "metrics-advertise": {
    kind: "text",
    defaultInWords: "--metrics-host, or this machine's name",
    help: "Name or address by which Prometheus finds /metrics",
  },
  tls: {
    ...clientSecuritySettings.tls,
    help: "Use TLS: folder with ca.crt, and tls.crt and tls.key for mutual TLS and for /metrics",
  },
  "token-file": clientSecuritySettings["token-file"],
  tokens: {
    ...serverSecuritySettings.tokens,
    help: "File of token hashes: who may read /metrics (trainyard tokens)",
  },
  insecure: {
    ...serverSecuritySettings.insecure,
    help: "Show /metrics beyond loopback to every peer that reaches the port, and send the token in plain text",
  },
  "metrics-port": {
    kind: "number",
    isWhole: true,
    min: 0,
    max: 65_535,
    unit: "port",
    default: 0,
    help: "Port of /metrics (0 = any)",
  },
  "connect-timeout": {
    kind: "number",
    min: 1,
    max: 86_400,
    unit: "seconds",
    default: limits.firstConnectMs / 1000,
    help: "Seconds without a coordinator after which the worker gives up",
  },
  stay: {
    kind: "boolean",
    default: false,
    help: "Serve run after run, and look for a coordinator for as long as it takes",
  },
  ...deviceSettings,
  ...imageCacheSettings,
  ...workerTraceSettings,
  attached,
} as const satisfies Settings;
export type WorkerFlags = FlagsOf<typeof workerSettings>;

/** Settings of a cluster that `trainyard train` starts on this machine. */
export const localClusterSettings = {
  workers: { ...localWorkersSetting, group: "Here:" },
  reducers: { ...reducersSetting, group: "Here:" },
  ...inGroup("Here:", { ...deviceSettings, ...imageCacheSettings, ...traceSettings }),
} as const satisfies Settings;
