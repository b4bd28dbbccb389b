/**
 * The alert rules of deploy/prometheus as the object that Prometheus' operator reads. Also a program, which writes it here:
 * `node deploy/kubernetes/components/monitoring/make-rules.mjs`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parse, stringify } from "yaml";

const alerts = new URL("../../../prometheus/alerts.yml", import.meta.url);
const heading = "# Made of deploy/prometheus/alerts.yml by make-rules.mjs; a test compares them.\n";

/** The text of rules.yaml. */
export function prometheusRule() {
  const { groups } = parse(readFileSync(alerts, "utf8"));
  const object = {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: { name: "trainyard", labels: { "app.kubernetes.io/name": "trainyard" } },
    spec: { groups },
  };
  return heading + stringify(object, { lineWidth: 0 });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(new URL("rules.yaml", import.meta.url), prometheusRule());
}
