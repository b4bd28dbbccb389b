/** Panels of a Grafana dashboard and their queries, as a browser would ask them. */
import type { Dashboard, Panel, RowPanel } from "@grafana/grafana-foundation-sdk/dashboard";

export interface PanelQuery {
  readonly expr: string;
  readonly legendFormat?: string;
  readonly instant?: boolean;
}

const isRow = (panel: Panel | RowPanel): panel is RowPanel => panel.type === "row";

/** Those in rows, too; rows themselves are none. */
export const panelsOf = ({ panels = [] }: Dashboard): Panel[] =>
  panels.flatMap((panel) => (isRow(panel) ? (panel.panels as Panel[]) : [panel]));

export const queriesOf = ({ targets = [] }: Panel): PanelQuery[] =>
  targets.map((target) => target as unknown as PanelQuery);

/** What Grafana puts in for its variables; `__rate_interval` is at least four scrapes. */
export function substituted(expr: string, variables: Readonly<Record<string, string>>): string {
  return expr.replace(/\$(\w+)/g, (whole, name: string) => variables[name] ?? whole);
}
