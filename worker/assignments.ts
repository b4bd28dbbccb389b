/**
 * What a worker does for each kind of assignment. A training step is in training-step.ts, an audit in audit.ts, an
 * evaluation in evaluation.ts; the two that a run has once are here.
 */
import { assertNever } from "../shared/errors.js";
import type { CoordinatorBody } from "../shared/grpc/control-messages.js";
import { drawsOf } from "../shared/spec.js";
import type { SpanAttributes } from "../shared/tracing.js";
import { type AssignmentContext, stage } from "./assignment-context.js";
import { auditNode } from "./audit.js";
import { evaluateBlocks } from "./evaluation.js";
import { evaluationOf, type StepAttempt } from "./step-watermark.js";
import { trainStep } from "./training-step.js";

export type Assignment = Extract<
  CoordinatorBody,
  { kind: "initialise" | "gradients" | "audit" | "evaluate" | "export" }
>;

/** How far the coordinator is when it sends this assignment; null when the assignment does not say it. */
export function watermarkOf(assignment: Assignment): StepAttempt | null {
  if (assignment.kind === "evaluate") return evaluationOf(assignment.step);
  return settlesAs(assignment);
}

/** The attempt and share that `settled` names when an assignment has ended. Null where the assignment's result says as much. */
export function settlesAs(assignment: Assignment): (StepAttempt & { readonly share: number }) | null {
  if (assignment.kind !== "gradients" && assignment.kind !== "audit") return null;
  const { step, attempt, share } = assignment;
  return { step, attempt, share };
}

/** The number that heartbeats name while the assignment is carried out; 0: it has none. */
export const shareOf = (assignment: Assignment): number => ("share" in assignment ? assignment.share : 0);

/** The attributes of an assignment's span. */
export function describeAssignment(assignment: Assignment): SpanAttributes {
  switch (assignment.kind) {
    case "gradients":
      return { step: assignment.step, attempt: assignment.attempt, lanes: assignment.lanes.length };
    case "audit":
      return { step: assignment.step, attempt: assignment.attempt };
    case "evaluate":
      return { step: assignment.step, blocks: assignment.blocks.length };
    case "export":
      return { checkpoint: assignment.checkpoint };
    case "initialise":
      return {};
    default:
      return assertNever(assignment);
  }
}

/**
 * Carries out one assignment and sends its results. Errors: INTERRUPTED when the coordinator went past it, UNREACHABLE
 * when a stream broke; anything else means that the assignment failed.
 */
export function carryOut(context: AssignmentContext, assignment: Assignment): Promise<void> {
  switch (assignment.kind) {
    case "initialise":
      return initialise(context);
    case "gradients":
      return trainStep(context, assignment);
    case "audit":
      return auditNode(context, assignment);
    case "evaluate":
      return evaluateBlocks(context, assignment);
    case "export":
      return exportCheckpoint(context, assignment.checkpoint);
    default:
      return assertNever(assignment);
  }
}

/** Draws the run's initial parameters, which are sent to every slice. */
async function initialise(context: AssignmentContext): Promise<void> {
  const { run, partials, control } = context;
  const { output } = await stage(context, { span: "compute", phase: "compute" }, () =>
    run.engine.call("initialise", { seed: run.spec.seed, draws: drawsOf(run.spec) }),
  );
  await stage(context, { span: "upload", phase: "upload" }, () => partials.sendInitial(output));
  control.send({ kind: "initialised" });
}

/** Exports the model of a checkpoint into the store. */
async function exportCheckpoint(context: AssignmentContext, checkpoint: string): Promise<void> {
  const { run, control, progress } = context;
  const paths = await stage(context, { span: "upload", phase: "upload" }, () =>
    run.publish(checkpoint, control.generation, () => progress.advance()),
  );
  control.send({ kind: "exported", checkpoint, paths });
}
