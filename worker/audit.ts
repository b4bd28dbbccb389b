/** An audit: a node that another worker has computed is computed once more, and the slices compare the two sums. */
import type { CoordinatorBody } from "../shared/grpc/control-messages.js";
import { type AssignmentContext, giveUpIfOver, stage } from "./assignment-context.js";
import { setTrainingWeights } from "./set-weights.js";
import { lanesOf, stepOf, sumNode } from "./training-step.js";

type AuditTask = Extract<CoordinatorBody, { kind: "audit" }>;

/**
 * Computes the node as a training step does, without sending records. When a lane can't be read, or other lanes of the
 * node are missing, there is nothing to compare and no answer is sent. Errors: INTERRUPTED when the step is over.
 */
export async function auditNode(context: AssignmentContext, task: AuditTask): Promise<void> {
  const { beginLane, endLane, attempt } = task;
  const node = { begin: beginLane, end: endLane };
  const step = stepOf(context, task);
  await setTrainingWeights(context, step);
  const { sum, lanes, isWhole } = await sumNode(context, step, node);
  const finite = lanes.every((lane) => lane.finite);
  if (finite && !isWhole) return;
  // The sum is one part. Where a sibling is absent, the tree calls the same sum by its parent's name.
  for (const part of finite ? sum.parts : []) {
    const uploading = { span: "upload", attributes: lanesOf(node), phase: "upload", at: step } as const;
    await stage(context, uploading, () => context.partials.sendAudit(step, node, part.sum));
  }
  giveUpIfOver(context, step);
  context.control.send({ kind: "auditDone", step: step.step, beginLane, endLane, finite, attempt });
}
