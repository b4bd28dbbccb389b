/**
 * The settings of every command, by the words that name it: `train`, `runs show`. Positional ones come in the order of
 * the command line. What all commands have stands in `globalSettings`.
 */
import { limits } from "../limits.js";
import {
  coordinatorSettings,
  deviceSettings,
  jsonSetting,
  listenSettings,
  localClusterSettings,
  localWorkersSetting,
  reducersSetting,
  traceSettings,
  workerSettings,
} from "./process-settings.js";
import { runSettings } from "./run-settings.js";
import { inGroup, type Settings } from "./setting.js";

const here = "Here:";
const cluster = "The cluster:";

const optional = <const H extends string>(help: H) => ({ kind: "text", isPositional: true, help }) as const;
const required = <const H extends string>(help: H) => ({ ...optional(help), isRequired: true }) as const;

const datasetOrNone = optional("Name of an imported data set");
const someRun = required("Name of the run, the beginning of it, or latest");

const { run: _, ...settingsOfPlan } = runSettings;

const tokenFile = {
  file: { kind: "text", default: "tokens.json", help: "The file that --tokens of the coordinator names" },
  json: jsonSetting,
} as const satisfies Settings;

const askedRun = { run: someRun, json: jsonSetting, ...coordinatorSettings } as const satisfies Settings;

const kubernetesName = (text: string) => (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text) ? text : null);
const quantity = (text: string) => (/^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/.test(text) ? text : null);
/** Workers of a Kubernetes Job: no run has more lanes. */
const podCount = { kind: "number", isWhole: true, min: 1, max: limits.lanes } as const;

export const commandSettings = {
  setup: {
    gpu: {
      kind: "boolean",
      default: false,
      help: "TensorFlow for NVIDIA GPUs, with the CUDA libraries that belong to it (Linux x64)",
    },
    "without-cuda": {
      kind: "boolean",
      default: false,
      help: "With --gpu: this machine has CUDA 12 and cuDNN 9 itself, where its loader finds them",
    },
    json: jsonSetting,
  },
  demo: {
    workers: { ...localWorkersSetting, help: "Worker processes" },
    ...runSettings,
    model: { ...runSettings.model, default: "digits" },
  },
  import: {
    path: {
      ...required("Folder of class folders, of train/ and validation/, or of IDX files"),
      isPath: true,
    },
    name: { kind: "text", defaultInWords: "the folder's name", help: "Name of the data set" },
    classes: {
      kind: "list",
      hasCommas: true,
      defaultInWords: "all, by name",
      help: "Classes in label order; others are left out",
    },
    "validation-split": {
      kind: "number",
      above: 0,
      below: 1,
      unit: "share",
      defaultInWords: "0.2",
      help: "Fraction of each class for validation when the folder has no validation/",
    },
    "split-seed": {
      kind: "number",
      isWhole: true,
      min: 0,
      max: 0xffffffff,
      default: 1,
      help: "Seed of that split and of the shuffle across shards",
    },
    "on-bad": {
      kind: "choice",
      choices: ["skip", "fail"],
      default: "skip",
      help: "A file that can't be used is skipped and listed, or the import fails",
    },
    json: jsonSetting,
  },
  "datasets list": { json: jsonSetting },
  "datasets show": { name: required("Name of the data set"), json: jsonSetting },
  train: {
    dataset: datasetOrNone,
    ...localClusterSettings,
    detach: {
      kind: "boolean",
      default: false,
      help: "Return at once; follow with runs follow",
      group: here,
    },
    json: jsonSetting,
    resume: {
      kind: "text",
      help: "Go on with this run from its newest whole checkpoint (a name, the beginning of it, or latest)",
      group: here,
    },
    ...runSettings,
  },
  plan: {
    dataset: required("Name of an imported data set"),
    workers: {
      kind: "number",
      isWhole: true,
      min: 1,
      max: 1_024,
      defaultInWords: "as many as compute, at least 2",
      help: "Workers that the advice is for",
      group: cluster,
    },
    reducers: { ...reducersSetting, help: "Reducer threads of the coordinator", group: cluster },
    link: {
      kind: "text",
      defaultInWords: "loopback, as measured",
      help: "Link of each machine: 1Gbit, 100Mbit or megabytes per second",
      group: cluster,
    },
    latency: {
      kind: "number",
      min: 0,
      max: 10_000,
      unit: "milliseconds",
      defaultWhenUsed: 0,
      help: "Milliseconds one way between machines",
      group: cluster,
    },
    "workers-per-machine": {
      kind: "number",
      isWhole: true,
      min: 1,
      max: 64,
      default: 1,
      help: "Workers that share a machine, its cores and its link",
      group: cluster,
    },
    json: jsonSetting,
    ...settingsOfPlan,
  },
  predict: {
    run: someRun,
    paths: {
      kind: "list",
      hasCommas: false,
      mayRepeat: true,
      isPositional: true,
      help: "Images, and folders of images",
    },
    files: {
      kind: "list",
      hasCommas: false,
      mayRepeat: true,
      letter: "f",
      help: "Images and folders too",
    },
    ...deviceSettings,
    json: jsonSetting,
  },
  evaluate: {
    run: someRun,
    data: {
      kind: "text",
      defaultInWords: "the one the run was trained on",
      help: "Data set with the same classes",
    },
    ...deviceSettings,
    json: jsonSetting,
  },
  submit: {
    dataset: optional("Name of a data set in the coordinator's store"),
    ...coordinatorSettings,
    coordinator: { ...coordinatorSettings.coordinator, default: "127.0.0.1:7070" },
    follow: {
      kind: "boolean",
      default: false,
      help: "Follow it until it ends; Ctrl-C leaves it in the queue",
      group: here,
    },
    json: { ...jsonSetting, group: here },
    resume: {
      kind: "text",
      help: "Go on with this run, which was stopped, has failed or was cut off",
      group: here,
    },
    ...runSettings,
  },
  "runs list": { json: jsonSetting, ...coordinatorSettings },
  "runs show": askedRun,
  "runs follow": askedRun,
  "runs stop": askedRun,
  "runs logs": {
    ...askedRun,
    follow: {
      kind: "boolean",
      default: false,
      help: "Also what is yet to come, until the run has ended (needs --coordinator)",
    },
  },
  "runs delete": { run: required("Whole name of the run"), json: jsonSetting },
  drill: {
    dataset: {
      ...optional("Data set to train on, copied out of --store"),
      defaultInWords: "320 drawn images",
    },
    workers: { ...localWorkersSetting, min: 2, max: 16, help: "Worker processes" },
    epochs: {
      kind: "number",
      isWhole: true,
      min: 4,
      max: 100_000,
      unit: "epochs",
      default: 12,
      help: "Epochs of a run; where it is over too soon, faults go on in another one",
    },
    seed: {
      ...runSettings.seed,
      group: "Options:",
      default: 1,
      help: "Seed of the runs and of the drawn images",
    },
    minio: {
      kind: "text",
      defaultInWords: "a folder",
      help: "Program of a MinIO server, to be the store and be killed",
    },
    json: jsonSetting,
  },
  coordinator: {
    dataset: optional(
      "Data set of a new run; leave out with an existing --run, or to stand ready for submit",
    ),
    ...runSettings,
    ...listenSettings,
    ...inGroup("Traces:", traceSettings),
  },
  worker: workerSettings,
  certs: {
    folder: { ...required("Where they lie: ca/ and a folder for each part"), isPath: true },
    name: {
      kind: "list",
      hasCommas: true,
      defaultInWords: "as before",
      help: "Names and addresses by which the coordinator is reached",
    },
    days: {
      kind: "number",
      isWhole: true,
      min: 1,
      max: 3_650,
      unit: "days",
      default: 365,
      help: "How long the certificates are valid",
    },
    json: jsonSetting,
  },
  "tokens create": {
    ...tokenFile,
    role: {
      kind: "choice",
      choices: ["worker", "viewer", "operator"],
      isRequired: true,
      help: "worker: join. viewer: look. operator: look, submit, cancel and stop",
    },
    name: { kind: "text", help: "Whose it is, for people" },
    days: {
      kind: "number",
      above: 0,
      max: 36_500,
      unit: "days",
      defaultInWords: "never",
      help: "Expires after so many days",
    },
    out: { kind: "text", help: "Write it to this new file instead (mode 0600)" },
  },
  "tokens list": tokenFile,
  "tokens revoke": { id: required("Its id, or the token itself"), ...tokenFile },
  "kube-job": {
    run: required("Whole name of the run"),
    workers: { ...podCount, default: 2, help: "How many; may be changed while they work" },
    namespace: {
      kind: "text",
      form: "like trainyard",
      read: kubernetesName,
      default: "trainyard",
      help: "Where the coordinator stands",
    },
    image: {
      kind: "text",
      form: "like registry.example/trainyard/worker-cpu:1",
      read: (text) => (/^[^\s]+$/.test(text) ? text : null),
      defaultInWords: "trainyard/worker-cpu or -gpu of this version",
      help: "Image of the workers",
    },
    cpu: { kind: "text", form: "like 2 or 500m", read: quantity, default: "2", help: "Processors of each" },
    memory: { kind: "text", form: "like 4Gi", read: quantity, default: "4Gi", help: "Memory of each" },
    gpu: { kind: "number", isWhole: true, min: 0, max: 64, default: 0, help: "GPUs of each" },
    spot: { kind: "boolean", default: false, help: "On machines that may be taken away at any time" },
    mtls: {
      kind: "boolean",
      default: false,
      help: "Workers are known by their certificates, not by a token (component mtls)",
    },
    queue: {
      kind: "text",
      form: "like trainyard",
      read: kubernetesName,
      help: "Kueue's queue that they wait in",
    },
    "min-workers": { ...podCount, help: "With --queue: begin with so many while there is no room for all" },
    "look-up": {
      kind: "boolean",
      default: false,
      help: "Look the run up in --store: that it is there, not over, and has lanes for all",
    },
  },
} as const satisfies Readonly<Record<string, Settings>>;

export type CommandPath = keyof typeof commandSettings;
