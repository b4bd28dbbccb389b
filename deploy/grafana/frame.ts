/** What every dashboard has: its address, the choice of data source and run, links to the others, alerts as marks. */
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import { datasource, over } from "./queries.js";

export interface DashboardText {
  /** Part of its address, for ever. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
}

const tag = "trainyard";

const chosenSource = () =>
  new dashboard.DatasourceVariableBuilder("datasource").label("Data source").type("prometheus");

const chosenRun = () =>
  new dashboard.QueryVariableBuilder("run")
    .label("Run")
    .datasource(datasource)
    .query("label_values(trainyard_run_info, run)")
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.NaturalDesc);

/** Annotations of the alerts: those of the selected run, and those without a run. */
const alerts = () =>
  new dashboard.AnnotationQueryBuilder()
    .name("Alerts")
    .datasource(datasource)
    .enable(true)
    .iconColor("red")
    .target(over('ALERTS{alertname=~"Trainyard.*", alertstate="firing", run=~"$run|"}', ""))
    .expr('ALERTS{alertname=~"Trainyard.*", alertstate="firing", run=~"$run|"}')
    .titleFormat("{{alertname}}")
    .textFormat("{{worker}} {{operation}} {{reason}}")
    .step("10s");

export const dashboardOf = ({ uid, title, description }: DashboardText) =>
  new dashboard.DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([tag])
    .readonly()
    .timezone("browser")
    .time({ from: "now-1h", to: "now" })
    .refresh("10s")
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .withVariable(chosenSource())
    .withVariable(chosenRun())
    .annotation(alerts())
    .link(
      new dashboard.DashboardLinkBuilder("Trainyard")
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags([tag])
        .asDropdown(false)
        .includeVars(true)
        .keepTime(true),
    );

export const row = (title: string) => new dashboard.RowBuilder(title);
