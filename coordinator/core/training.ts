/** A step begins: its lanes are handed out, and audits drawn. */
import { drawAudits } from "./audit.js";
import { beginStep } from "./step.js";
import type { Turn } from "./turn.js";

export function train(turn: Turn): void {
  beginStep(turn);
  drawAudits(turn);
}
