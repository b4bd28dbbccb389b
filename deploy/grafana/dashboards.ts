/** All of Grafana's dashboards, by the name of their file. `npm run build:pages` writes them into dashboards/. */
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { cluster } from "./cluster.js";
import { store } from "./store.js";
import { training } from "./training.js";

export const dashboards: Readonly<Record<string, () => Dashboard>> = {
  "training.json": () => numbered(training().build()),
  "cluster.json": () => numbered(cluster().build()),
  "store.json": () => numbered(store().build()),
};

/** Panels by their place, queries by letters: Grafana wants them told apart, and links name a panel's number. */
function numbered(dashboard: Dashboard): Dashboard {
  const panels = (dashboard.panels ?? []).map((panel, index) => {
    const targets = "targets" in panel ? panel.targets : undefined;
    const lettered = targets?.map((target, place) => ({ ...target, refId: String.fromCharCode(65 + place) }));
    return { ...panel, id: index + 1, ...(lettered === undefined ? {} : { targets: lettered }) };
  });
  return { ...dashboard, panels };
}

/** The JSON text of the dashboard's file. */
export const dashboardText = (dashboard: Dashboard): string => `${JSON.stringify(dashboard, null, 2)}\n`;
