/** The rooms of ARCHITECTURE.md and which of them may import which. A rule broken here is a failed `npm run lint`. */
const rooms =
  "^(shared|dataset|engine|coordinator|worker|runs|local-cluster|library|plan|drill|cli|dashboard)/";
module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "coordinator-has-no-tensorflow",
      comment: "The coordinator's image holds no TensorFlow.",
      severity: "error",
      from: { path: "^coordinator/" },
      to: { path: "^(engine|worker|runs|local-cluster|library|plan|drill|cli)/|@tensorflow" },
    },
    {
      name: "core-is-pure",
      comment: "Decisions take values and return values: no clock, no I/O, no library.",
      severity: "error",
      from: { path: "^coordinator/core/" },
      to: { pathNot: "^(coordinator/(core|optimizers)|shared|dataset)/" },
    },
    {
      name: "optimizers-are-pure",
      comment:
        "An optimizer is arithmetic, and the schema of its stored state: the core, reducers and checkpoints use it.",
      severity: "error",
      from: { path: "^coordinator/optimizers/" },
      to: { pathNot: "^(coordinator/optimizers|shared|node_modules/zod)/" },
    },
    {
      name: "foundations-know-no-process",
      severity: "error",
      from: { path: "^(engine|dataset|shared)/" },
      to: { path: "^(coordinator|worker|runs|local-cluster|library|plan|drill|cli|dashboard)/" },
    },
    {
      name: "shared-stands-alone",
      severity: "error",
      from: { path: "^shared/" },
      to: { path: "^(engine|dataset)/" },
    },
    {
      name: "dataset-knows-no-engine",
      severity: "error",
      from: { path: "^dataset/" },
      to: { path: "^engine/|@tensorflow" },
    },
    {
      name: "worker-does-not-steer",
      severity: "error",
      from: { path: "^worker/" },
      to: { path: "^(coordinator|runs|local-cluster|library|plan|drill|cli|dashboard)/" },
    },
    {
      name: "no-room-imports-commands",
      comment: "A command is thin: what other rooms or programs call lies in a room of its own.",
      severity: "error",
      from: { path: rooms, pathNot: "^cli/" },
      to: { path: "^cli/" },
    },
    {
      name: "nothing-from-tests",
      severity: "error",
      from: { path: rooms },
      to: { path: "^test/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};
