/**
 * What a worker does for each assignment, one at a time: a step's gradients and audits are in gradients.ts, blocks of
 * an evaluation in evaluation.ts, the two that a run has once are here.
 */
import { assertNever } from "../shared/errors.js";
import type { CoordinatorBody } from "../shared/grpc/control-messages.js";
import { type SpanAttributes, traced } from "../shared/tracing.js";
import { type AssignmentContext, during } from "./assignment-context.js";
import { evaluateBlocks } from "./evaluation.js";
import type { PreparedRun } from "./prepared-run.js";
import { computeAudit, computeGradients } from "./training-step.js";
import { evaluationOf, type StepAttempt } from "./watermark.js";

export type Assignment = Extract<
  CoordinatorBody,
  { kind: "initialise" | "gradients" | "audit" | "evaluate" | "export" }
>;

/** How far the coordinator is when it gives this out; null: it does not say. */
export function placeOf(assignment: Assignment): StepAttempt | null {
  if (assignment.kind === "evaluate") return evaluationOf(assignment.step);
  return settlesAs(assignment);
}

/** Null for an assignment that needs no `settled`, because its result says as much. */
export function settlesAs(assignment: Assignment): StepAttempt | null {
  if (assignment.kind !== "gradients" && assignment.kind !== "audit") return null;
  const { step, attempt } = assignment;
  return { step, attempt };
}

/** What its span tells of an assignment, besides by whom it is carried out. */
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
 * Carries out one assignment and says its results. Errors: INTERRUPTED when the coordinator went past it, UNREACHABLE
 * when a stream broke, anything else is the assignment's failure.
 */
export function carryOut(
  place: PreparedRun,
  session: AssignmentContext,
  assignment: Assignment,
): Promise<void> {
  switch (assignment.kind) {
    case "initialise":
      return initialise(place, session);
    case "gradients":
      return computeGradients(place, session, assignment);
    case "audit":
      return computeAudit(place, session, assignment);
    case "evaluate":
      return evaluateBlocks(place, session, assignment);
    case "export":
      return exportCheckpoint(place, session, assignment.checkpoint);
    default:
      return assertNever(assignment);
  }
}

async function initialise(place: PreparedRun, session: AssignmentContext): Promise<void> {
  const { span } = session;
  const { output } = await traced(span, "compute", {}, () =>
    during(session, "compute", () => place.engine.call("initialise", { seed: place.spec.seed })),
  );
  await traced(span, "upload", {}, () =>
    during(session, "upload", () => session.partials.sendInitial(output)),
  );
  session.control.send({ kind: "initialised" });
}

async function exportCheckpoint(
  place: PreparedRun,
  session: AssignmentContext,
  checkpoint: string,
): Promise<void> {
  const paths = await traced(session.span, "upload", {}, () =>
    during(session, "upload", () => place.publish(checkpoint, session.control.generation)),
  );
  session.control.send({ kind: "exported", checkpoint, paths });
}
