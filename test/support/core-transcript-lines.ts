/** A transcript's lines: one effect of the core as one line, and the core's state as one line. */
import type { Effect } from "../../coordinator/core/events.js";
import type { CoreDriver } from "./core-driver.js";

/** Fields that are long and belong to other tests. Only their presence is shown. */
const elided = new Set(["saved", "layout", "layoutJson"]);
/** Fields that other tests compare to the last digit. They are left out. */
const omitted = new Set([
  "share",
  "alpha",
  "beta1",
  "beta2",
  "epsilon",
  "seconds",
  "imagesPerSecond",
  "learningRate",
]);
/** Fields that are left out while they have this value, because nearly every line has it. */
const usual: Readonly<Record<string, unknown>> = {
  attempt: 0,
  excluded: "-",
  epoch: 0,
  banned: "-",
  exact: false,
};

export function effectLine(effect: Effect): string {
  switch (effect.tag) {
    case "send": {
      const { kind, ...fields } = effect.body;
      return `${effect.worker} <- ${kind}${fieldsText(fields)}`;
    }
    case "welcome":
      return `${effect.worker} is welcomed`;
    case "nameSlices":
      return `${effect.worker} is told the slices`;
    case "disconnect":
      return `${effect.worker} disconnected: ${effect.reason}`;
    case "log":
      return `${effect.level}: ${effect.message}`;
    case "dropped":
      return `dropped from ${effect.worker}: ${effect.reason}`;
    case "grant": {
      const { kind, ...grant } = effect.grant;
      return `${effect.worker} may send ${kind}${fieldsText(grant)}`;
    }
    case "ended":
      return `ended ${effect.outcome.tag}: ${effect.outcome.reason}`;
    case "stepCommitted":
      return `committed${fieldsText(effect.row)}`;
    default: {
      const { tag, ...fields } = effect;
      return `${tag}${fieldsText(fields)}`;
    }
  }
}

function fieldsText(fields: object): string {
  return Object.entries(fields)
    .filter(([key, value]) => value !== undefined && !omitted.has(key))
    .map(([key, value]) => [key, elided.has(key) ? "…" : valueText(value)] as const)
    .filter(([key, text]) => !(key in usual) || text !== String(usual[key]))
    .map(([key, text]) => ` ${key}=${text}`)
    .join("");
}

function valueText(value: unknown): string {
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  if (ArrayBuffer.isView(value)) return `${value.byteLength}B`;
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.map(valueText).join(",");
  if (typeof value === "object" && value !== null) return `{${fieldsText(value).trim()}}`;
  return typeof value === "string" && /\s/.test(value) ? JSON.stringify(value) : String(value);
}

/** Phase, cursor, who holds which lane, and the counts. */
export function stateLine({ state, assigned }: CoreDriver): string {
  const { phase, progress, workers } = state;
  const { committed, redone, skipped, excluded } = progress.ledger;
  const held = Object.entries(assigned).map(([worker, lanes]) => `${worker}:${lanes.join(",")}`);
  return [
    phase.tag === "ended" ? `ended ${phase.outcome.tag}: ${phase.outcome.reason};` : phase.tag,
    `epoch=${progress.epoch} step=${progress.step}`,
    `workers=${[...workers.keys()].join(",") || "-"}`,
    `lanes=${held.join(" ") || "-"}`,
    `committed=${committed} redone=${redone} skipped=${skipped} excluded=${excluded}`,
  ].join(" ");
}
