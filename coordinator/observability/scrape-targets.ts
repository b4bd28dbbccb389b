/**
 * Where the present workers' metrics are, in the form of Prometheus' HTTP service discovery. Workers say it themselves,
 * so it is looked at before it is passed on: what is no address is left out. Series carry worker and run by themselves;
 * the labels here are for those who want to relabel.
 */
import { isIP } from "node:net";
import { type HttpRoute, json } from "../../shared/http.js";

/** A worker and the address that it named; empty = it shows no metrics. */
export interface NamedAddress {
  readonly worker: string;
  readonly address: string;
}

/** One entry of Prometheus' HTTP service discovery. */
export interface ScrapeTargets {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** The longest name that the DNS allows. */
const hostLimit = 253;
const hostName = /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;

/** The scrape targets of workers that named a valid address. */
export function scrapeTargets(run: string, workers: Iterable<NamedAddress>): ScrapeTargets[] {
  return [...workers].flatMap(({ worker, address }) => {
    if (!isAddress(address)) return [];
    return [{ targets: [address], labels: { __meta_trainyard_worker: worker, __meta_trainyard_run: run } }];
  });
}

/** host:port, the host a name or an IP address, IPv6 in brackets. */
export function isAddress(text: string): boolean {
  const colon = text.lastIndexOf(":");
  const [host, port] = [text.slice(0, colon), text.slice(colon + 1)];
  if (colon < 1 || host.length > hostLimit || !/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535)
    return false;
  if (host.startsWith("[")) return host.endsWith("]") && isIP(host.slice(1, -1)) === 6;
  return hostName.test(host);
}

/** `now`: none while there is no run. */
export const scrapeTargetsRoute = (now: () => readonly ScrapeTargets[]): HttpRoute => ({
  method: "GET",
  path: "/workers/sd",
  reply: () => json(now()),
});
