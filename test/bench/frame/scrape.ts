/** One look at a process' /metrics. */

/** Labels of every series of one process. */
const whose = /(?<=[{,])(worker|run)="[^"]*",?/g;

export class Metrics {
  readonly #values: ReadonlyMap<string, number>;

  constructor(text: string) {
    const lines = text
      .replace(whose, "")
      .replaceAll(",}", "}")
      .replaceAll("{}", "")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    this.#values = new Map(
      lines.map((line): [string, number] => {
        const space = line.lastIndexOf(" ");
        return [line.slice(0, space), Number(line.slice(space + 1))];
      }),
    );
  }

  /** By name and labels, those of `whose` left out, as Prometheus writes them; 0 where there is none yet. */
  get(name: string): number {
    return this.#values.get(name) ?? 0;
  }
}

/** `address`: host:port. */
export async function scrape(address: string): Promise<Metrics> {
  const reply = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(5_000) });
  return new Metrics(await reply.text());
}
