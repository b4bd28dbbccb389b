/** What a worker tells the coordinator of where its metrics are, for Prometheus, which may look from another machine. */
import { hostname } from "node:os";

export interface MetricsPlace {
  /** Where it listens. */
  readonly host: string;
  readonly port: number;
  /** The name or address that Prometheus reaches it by. Default: where it listens, or this machine's name if anywhere. */
  readonly advertise?: string | undefined;
}

/** host:port. */
export function metricsAddress({ host, port, advertise }: MetricsPlace, machine = hostname()): string {
  const isAnywhere = host === "0.0.0.0" || host === "::";
  const name = advertise ?? (isAnywhere ? machine : host);
  return name.includes(":") && !name.startsWith("[") ? `[${name}]:${port}` : `${name}:${port}`;
}

export const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(":") + 1));
