/** Queries of panels, all of the run that is chosen above, from the data source that is chosen above. */
import * as prometheus from "@grafana/grafana-foundation-sdk/prometheus";

export const datasource = { type: "prometheus", uid: "$datasource" };

/** The label matchers of the chosen run. */
export const ofRun = 'run="$run"';

/** A counter's increase a second; over four scrapes at least. */
export const rate = (counter: string, matchers = ofRun) => `rate(${counter}{${matchers}}[$__rate_interval])`;
/** How often something happened between two points of the graph. */
export const increase = (counter: string, matchers = ofRun) =>
  `increase(${counter}{${matchers}}[$__rate_interval])`;

/** A quantile of a histogram of seconds, grouped by these labels. */
export const quantile = (share: number, histogram: string, ...labels: string[]) =>
  `histogram_quantile(${share}, sum by (${["le", ...labels].join(", ")}) (${rate(`${histogram}_bucket`)}))`;

/** The mean of a histogram of seconds, grouped by these labels. */
export const mean = (histogram: string, ...labels: string[]) => {
  const by = `sum by (${labels.join(", ")})`;
  return `${by} (${rate(`${histogram}_sum`)}) / ${by} (${rate(`${histogram}_count`)})`;
};

/** Over the time that is shown. `legend` with labels as `{{label}}`. */
export const over = (expr: string, legend: string) =>
  new prometheus.DataqueryBuilder().datasource(datasource).expr(expr).legendFormat(legend).range();

/** An instant query: only the current value. */
export const now = (expr: string, legend: string) =>
  new prometheus.DataqueryBuilder().datasource(datasource).expr(expr).legendFormat(legend).instant();

/** An instant query as a table: one row per series, labels as columns. */
export const rows = (expr: string) =>
  new prometheus.DataqueryBuilder()
    .datasource(datasource)
    .expr(expr)
    .format(prometheus.PromQueryFormat.Table)
    .instant();
