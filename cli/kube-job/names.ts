/**
 * What a run is called in Kubernetes: names there are lower case and short, labels short. What has to be changed for it
 * gets a part of the name's hash, so that two runs never share a name.
 */
import { createHash } from "node:crypto";

/** A Job's name, its pods' index and their random part make a host name of at most 63 characters. */
const mostOfRun = 44;
const mostOfLabel = 63;

/** The Job of a run's workers. */
export const jobNameOf = (run: string): string =>
  `${fitted(run, /^[a-z0-9](-?[a-z0-9])*$/, mostOfRun)}-workers`;

/** The value of the label `trainyard/run`. */
export const runLabelOf = (run: string): string =>
  fitted(run, /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/, mostOfLabel);

/** The run's own name where the rule allows it, else what is left of it and 8 digits of its hash. */
function fitted(run: string, rule: RegExp, most: number): string {
  if (run.length <= most && rule.test(run)) return run;
  const hash = createHash("sha256").update(run).digest("hex").slice(0, 8);
  const kept = run
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, most - hash.length - 1)
    .replace(/^-|-$/g, "");
  return kept === "" ? hash : `${kept}-${hash}`;
}
