/** Open tabs: pollers that ask as the live page does, and how long the answers take. */
import { setTimeout as sleep } from "node:timers/promises";

/** What the tabs saw since the last look. */
export interface TabFigures {
  readonly statusMs: readonly number[];
  readonly curveMs: readonly number[];
  /** Largest answer. */
  readonly curveBytes: number;
}

/** Keeps tabs open until it is closed. */
export class Tabs {
  readonly #http: string;
  readonly #closing = new AbortController();
  #seen: { statusMs: number[]; curveMs: number[]; curveBytes: number } = nothingSeen();

  constructor(http: string, count: number) {
    this.#http = http;
    for (let tab = 0; tab < count; tab += 1) void this.#poll(tab);
  }

  /** What was seen since the last call. */
  take(): TabFigures {
    const seen = this.#seen;
    this.#seen = nothingSeen();
    return seen;
  }

  close(): void {
    this.#closing.abort();
  }

  async #poll(tab: number): Promise<void> {
    const { signal } = this.#closing;
    await sleep(tab * 300);
    while (!signal.aborted) {
      try {
        const [statusMs] = await this.#ask("/status");
        const [curveMs, curveBytes] = await this.#ask("/curve");
        await this.#ask(tab === 0 ? "/metrics" : "/queue");
        this.#seen.statusMs.push(statusMs);
        if (curveBytes > 0) this.#seen.curveMs.push(curveMs);
        this.#seen.curveBytes = Math.max(this.#seen.curveBytes, curveBytes);
      } catch (error) {
        if (!signal.aborted) console.error(`a tab got no answer: ${String(error)}`);
      }
      await sleep(2_000, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Milliseconds, and bytes of the answer; 0 bytes between two runs. */
  async #ask(path: string): Promise<[number, number]> {
    const startMs = performance.now();
    const reply = await fetch(`http://${this.#http}${path}`, { signal: this.#closing.signal });
    const { byteLength } = await reply.arrayBuffer();
    return [performance.now() - startMs, reply.ok ? byteLength : 0];
  }
}

const nothingSeen = () => ({ statusMs: [], curveMs: [], curveBytes: 0 });
