/**
 * The commands by name. A command's file is loaded only when it runs, so that help is quick and TensorFlow is
 * loaded by the commands that need it. To add one: declare its settings in shared/settings/command-settings.ts, write
 * cli/NAME.ts exporting `command`, and a line here.
 */
import type { LoadedCommand } from "./command.js";

export interface CommandEntry {
  readonly name: string;
  readonly describe: string;
  readonly load: () => Promise<{ readonly command: LoadedCommand }>;
}

/** In the order in which a newcomer meets them. The descriptions are those of the modules (a test compares). */
export const commands: readonly CommandEntry[] = [
  {
    name: "setup",
    describe: "Get TensorFlow and compile its binding, once per machine",
    load: () => import("./setup.js"),
  },
  {
    name: "demo",
    describe: "Train on the handwritten digits, from import to prediction",
    load: () => import("./demo.js"),
  },
  {
    name: "import",
    describe: "Import a folder of images as a data set",
    load: () => import("./import.js"),
  },
  {
    name: "datasets",
    describe: "List and show data sets",
    load: () => import("./datasets.js"),
  },
  {
    name: "train",
    describe: "Train a classifier on a data set, with workers on this machine",
    load: () => import("./train.js"),
  },
  {
    name: "plan",
    describe: "Measure this machine for a few seconds and predict how a run scales",
    load: () => import("./plan.js"),
  },
  {
    name: "predict",
    describe: "Classify images with the model of a run",
    load: () => import("./predict.js"),
  },
  {
    name: "evaluate",
    describe: "Evaluate the model of a run on validation images",
    load: () => import("./evaluate.js"),
  },
  {
    name: "submit",
    describe: "Hand a run to a standing coordinator, which queues it",
    load: () => import("./submit.js"),
  },
  {
    name: "runs",
    describe: "List, show, follow, stop and delete runs",
    load: () => import("./runs.js"),
  },
  {
    name: "drill",
    describe: "Kill, freeze and damage the parts of a training, and compare every commit",
    load: () => import("./drill.js"),
  },
  {
    name: "coordinator",
    describe: "Coordinate a run: workers on this and other machines join it",
    load: () => import("./coordinator.js"),
  },
  {
    name: "worker",
    describe: "Join a coordinator and compute for its run",
    load: () => import("./worker.js"),
  },
  {
    name: "certs",
    describe: "Make a CA and certificates for TLS, or renew the certificates",
    load: () => import("./certs.js"),
  },
  {
    name: "tokens",
    describe: "Create, list and revoke tokens for workers, operators and viewers",
    load: () => import("./tokens.js"),
  },
  {
    name: "kube-job",
    describe: "Print the workers of a run as a Kubernetes Job",
    load: () => import("./kube-job.js"),
  },
];
