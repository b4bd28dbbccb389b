/** The kinds of panels that the dashboards are made of: a title, a sentence, a unit, queries. */
import type { Builder, Dataquery } from "@grafana/grafana-foundation-sdk/cog";
import * as common from "@grafana/grafana-foundation-sdk/common";
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import * as stat from "@grafana/grafana-foundation-sdk/stat";
import * as table from "@grafana/grafana-foundation-sdk/table";
import * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";
import * as xychart from "@grafana/grafana-foundation-sdk/xychart";
import { datasource } from "./queries.js";

/** Width of a panel in columns; Grafana has 24. */
export const half = 12;
export const third = 8;
export const quarter = 6;
const panelHeight = 8;
const statHeight = 4;

export interface PanelText {
  readonly title: string;
  /** What it shows, and what to make of it. */
  readonly description: string;
  /** Grafana's name of it: s, bytes, percentunit, ... */
  readonly unit: string;
}

type Queries = readonly Builder<Dataquery>[];

/** A threshold: from this value on. */
export interface Step {
  readonly value: number | null;
  readonly color: "green" | "yellow" | "red" | "text";
}

const legend = (...calcs: string[]) =>
  new common.VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(calcs.length > 0 ? common.LegendDisplayMode.Table : common.LegendDisplayMode.List)
    .placement(common.LegendPlacement.Bottom)
    .calcs(calcs);

const thresholds = (steps: readonly Step[]) =>
  new dashboard.ThresholdsConfigBuilder().mode(dashboard.ThresholdsMode.Absolute).steps([...steps]);

/** What panels of every kind have; the SDK gives it no name. */
interface AnyPanel {
  title(text: string): this;
  description(text: string): this;
  datasource(reference: typeof datasource): this;
  unit(name: string): this;
  span(columns: number): this;
  height(rows: number): this;
  targets(queries: Builder<Dataquery>[]): this;
}

const asking = <Panel extends AnyPanel>(
  panel: Panel,
  { title, description, unit }: PanelText,
  queries: Queries,
  { span, height }: { readonly span: number; readonly height: number },
): Panel =>
  panel
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(unit)
    .span(span)
    .height(height)
    .targets([...queries]);

/** Lines over time. Gaps are gaps: a value that is not there is not drawn. */
export function lines(text: PanelText, queries: Queries, span = half) {
  return asking(new timeseries.PanelBuilder(), text, queries, { span, height: panelHeight })
    .lineWidth(2)
    .fillOpacity(0)
    .showPoints(common.VisibilityMode.Auto)
    .legend(legend("lastNotNull", "min", "max"))
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    );
}

/** Areas on top of each other: parts of a whole. */
export const stacked = (text: PanelText, queries: Queries, span = half) =>
  lines(text, queries, span)
    .fillOpacity(40)
    .lineWidth(1)
    .showPoints(common.VisibilityMode.Never)
    .stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group("A"))
    .legend(legend("mean"));

/** Bars: how often something happened. */
export const counts = (text: PanelText, queries: Queries, span = half) =>
  lines(text, queries, span)
    .drawStyle(common.GraphDrawStyle.Bars)
    .fillOpacity(60)
    .lineWidth(1)
    .showPoints(common.VisibilityMode.Never)
    .decimals(0)
    .min(0)
    .legend(legend("sum"));

/** A line with coloured regions behind it, to be read against limits. */
export const limited = (text: PanelText, steps: readonly Step[], queries: Queries, span = half) =>
  lines(text, queries, span)
    .thresholds(thresholds(steps))
    .thresholdsStyle(
      new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed),
    );

/** One number, or a word: the last one. */
export function figure(text: PanelText, steps: readonly Step[], queries: Queries) {
  return asking(new stat.PanelBuilder(), text, queries, { span: 4, height: statHeight })
    .thresholds(thresholds(steps))
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.None)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]));
}

/** A row a series. `hidden`: columns that say nothing. */
export function list(text: PanelText, queries: Queries, hidden: readonly string[], span = half) {
  return asking(new table.PanelBuilder(), text, queries, { span, height: panelHeight })
    .noValue("none")
    .withTransformation({
      id: "organize",
      options: { excludeByName: Object.fromEntries(hidden.map((column) => [column, true])) },
    });
}

/**
 * Values against the step that they are of. Prometheus keeps both over time; what was scraped together is joined by its
 * time, and drawn. `names`: the queries' legends, that of the step first.
 */
export function bySteps(text: PanelText, queries: Queries, [step, ...names]: readonly [string, ...string[]]) {
  const field = (name: string) => ({ matcher: { id: "byName", options: name } });
  return asking(new xychart.PanelBuilder(), text, queries, { span: half, height: panelHeight })
    .withTransformation({ id: "joinByField", options: { byField: "Time", mode: "outer" } })
    .mapping(xychart.SeriesMapping.Manual)
    .series(
      names.map((name) =>
        new xychart.XYSeriesConfigBuilder()
          .name({ fixed: name })
          .frame({ matcher: { id: "byIndex", options: 0 } })
          .x(field(step))
          .y(field(name)),
      ),
    )
    .show(xychart.XYShowMode.PointsAndLines)
    .pointSize({ fixed: 3 })
    .overrideByName(step, [{ id: "unit", value: "none" }])
    .legend(legend());
}
