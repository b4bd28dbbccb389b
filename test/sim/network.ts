/**
 * Streams between simulated processes, as gRPC gives them: ordered both ways, whole messages, broken or not. What is
 * lost breaks its stream; a partition holds messages back until it heals or a side's keepalive gives up.
 */
import { drawStream, type NumberStream } from "../../shared/random.js";
import { SimProcess } from "./process.js";
import type { Scheduler } from "./scheduler.js";
import { simulatedDraws } from "./setup.js";

/** gRPC's keepalive: a ping after 5 s of silence, 5 s for its answer. */
const keepaliveMs = 10_000;

/** One process' end of a stream. */
export interface End {
  readonly process: SimProcess;
  send(message: unknown): void;
  /** Ends the stream after what was sent. */
  finish(): void;
  /** Ends it now; what is under way is lost. The other side learns of it. */
  abort(): void;
  onMessage: (message: unknown) => void;
  /** Once. Null: the other side finished. */
  onEnd: (error: Error | null) => void;
}

export type Accept = (end: End, method: string, request: unknown) => void;

interface Listener {
  readonly process: SimProcess;
  readonly accept: Accept;
}

export interface Weather {
  /** One way, drawn uniformly. */
  latencyMs: readonly [number, number];
  /** Share of the messages to the coordinator that arrive once more, up to 4 s later. */
  echoes: number;
}

/** What comes again when messages do: what workers say, and what they upload. */
export type Echoed = "join" | "upload";

export class Network {
  readonly scheduler: Scheduler;
  readonly weather: Weather;
  readonly #random: NumberStream;
  /** Who sends what nobody sends. */
  readonly #ghost: SimProcess;
  readonly #listeners = new Map<string, Listener>();
  /** Where a name leads, as a service's name to the coordinator that serves now. */
  readonly #names = new Map<string, string>();
  #lastPort = 20_000;
  readonly #cutOff = new Set<SimProcess>();
  readonly streams = new Set<Stream>();
  readonly #sent = new Map<string, unknown[]>();

  constructor(scheduler: Scheduler, seed: number, weather: Weather) {
    this.scheduler = scheduler;
    this.weather = weather;
    this.#random = drawStream(simulatedDraws, seed, 101);
    this.#ghost = new SimProcess("ghost", scheduler, () => undefined);
  }

  latencyMs(): number {
    const [low, high] = this.weather.latencyMs;
    return this.#random.nextBetween(low, high);
  }

  listen(address: string, process: SimProcess, accept: Accept): void {
    this.#listeners.set(address, { process, accept });
  }

  freePort(): number {
    this.#lastPort += 1;
    return this.#lastPort;
  }

  /** From now on connections to `name` go to `host`. */
  route(name: string, host: string): void {
    this.#names.set(name, host);
  }

  /** Messages may be sent at once; a failure comes as the end. */
  connect(client: SimProcess, address: string, method: string, request: unknown): End {
    const [host = "", port] = address.split(":");
    const listener = this.#listeners.get(`${this.#names.get(host) ?? host}:${port}`);
    const stream = new Stream(this, client, listener?.process ?? null, method, address);
    if (listener === undefined || listener.process.isDead) {
      stream.breakFor(stream.client, this.latencyMs(), new Error(`connection refused by ${address}`));
      return stream.client;
    }
    this.streams.add(stream);
    stream.open(() => listener.accept(stream.server, method, request));
    stream.watch();
    return stream.client;
  }

  isCut(a: SimProcess, b: SimProcess): boolean {
    return this.#cutOff.has(a) || this.#cutOff.has(b);
  }

  isCutOff(process: SimProcess): boolean {
    return this.#cutOff.has(process);
  }

  /** Nothing reaches the process, nothing leaves it, and nobody is told. */
  cutOff(process: SimProcess): void {
    this.#cutOff.add(process);
    for (const stream of this.streams) if (stream.touches(process)) stream.watch();
  }

  heal(process: SimProcess): void {
    this.#cutOff.delete(process);
    for (const stream of this.streams) if (stream.touches(process)) stream.flow();
  }

  /** A frozen process answers no ping. */
  froze(process: SimProcess): void {
    for (const stream of this.streams) if (stream.touches(process)) stream.watch();
  }

  /** The machine's kernel resets what the dead process held; through a partition nobody hears it. */
  died(process: SimProcess): void {
    for (const stream of [...this.streams]) if (stream.touches(process)) stream.lose(process);
  }

  /** Messages of the process that are remembered arrive once more, now. */
  repeat(process: SimProcess, method: Echoed): void {
    for (const message of this.#sent.get(`${process.name} ${method}`) ?? [])
      this.#echo(process, method, message);
  }

  /** Of every process and method a few messages are remembered; some come back by themselves, much later. */
  remember(process: SimProcess, method: Echoed, message: unknown): void {
    const key = `${process.name} ${method}`;
    const sent = this.#sent.get(key) ?? [];
    sent.push(message);
    if (sent.length > 12) sent.shift();
    this.#sent.set(key, sent);
    if (this.weather.echoes === 0 || this.#random.nextFloat() >= this.weather.echoes) return;
    this.scheduler.after(this.#random.nextBetween(0, 4_000), () => this.#echo(process, method, message));
  }

  /**
   * As if a message of a former stream had lost its way: on the control stream that its sender has now; to the slice
   * that its sender uploads to now on a stream of its own, whose answer nobody hears.
   */
  #echo(process: SimProcess, method: Echoed, message: unknown): void {
    const stream = [...this.streams].find(
      ({ client, method: its }) => client.process.name === process.name && its === method,
    );
    if (stream === undefined) return;
    if (method === "join") return stream.server.process.run(() => stream.server.onMessage(message));
    const end = this.connect(this.#ghost, stream.address, method, null);
    end.send(message);
    this.scheduler.after(1_000, () => end.abort());
  }

  /** Every stream of the process, or those with this method, broken from outside. */
  breakStreams(process: SimProcess, method: string | null): number {
    const hit = [...this.streams].filter(
      (stream) => stream.touches(process) && (method === null || stream.method === method),
    );
    for (const stream of hit) stream.break(new Error("connection reset"));
    return hit.length;
  }
}

type Item = { readonly tag: "open" | "finish" } | { readonly tag: "message"; readonly message: unknown };

/** One way of a stream. */
interface Way {
  readonly to: () => SimEnd;
  lastAtMs: number;
  /** Arrived at a partition, in order. */
  held: Item[];
}

class SimEnd implements End {
  readonly #stream: Stream;
  readonly process: SimProcess;
  onMessage: (message: unknown) => void = () => undefined;
  onEnd: (error: Error | null) => void = () => undefined;
  hasEnded = false;

  constructor(stream: Stream, process: SimProcess) {
    this.#stream = stream;
    this.process = process;
  }

  send(message: unknown): void {
    if (!this.hasEnded) this.#stream.transmit(this, { tag: "message", message });
  }

  finish(): void {
    if (!this.hasEnded) this.#stream.transmit(this, { tag: "finish" });
  }

  abort(): void {
    if (!this.hasEnded) this.#stream.abort(this);
  }

  end(error: Error | null): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.onEnd(error);
  }
}

export class Stream {
  readonly #network: Network;
  readonly method: string;
  readonly address: string;
  readonly client: SimEnd;
  /** Of the client itself where nobody listens. */
  readonly server: SimEnd;
  readonly #up: Way;
  readonly #down: Way;
  #accept: () => void = () => undefined;
  #isBroken = false;

  constructor(
    network: Network,
    client: SimProcess,
    server: SimProcess | null,
    method: string,
    address: string,
  ) {
    this.#network = network;
    this.method = method;
    this.address = address;
    this.client = new SimEnd(this, client);
    this.server = new SimEnd(this, server ?? client);
    this.#up = { to: () => this.server, lastAtMs: 0, held: [] };
    this.#down = { to: () => this.client, lastAtMs: 0, held: [] };
  }

  touches(process: SimProcess): boolean {
    return this.client.process === process || this.server.process === process;
  }

  open(accept: () => void): void {
    this.#accept = accept;
    this.transmit(this.client, { tag: "open" });
  }

  transmit(from: SimEnd, item: Item): void {
    if (this.#isBroken) return;
    const way = from === this.client ? this.#up : this.#down;
    const { scheduler } = this.#network;
    const { method } = this;
    if (from === this.client && item.tag === "message" && (method === "join" || method === "upload")) {
      this.#network.remember(from.process, method, item.message);
    }
    way.lastAtMs = Math.max(way.lastAtMs, scheduler.nowMs + this.#network.latencyMs());
    scheduler.at(way.lastAtMs, () => this.#arrive(way, item));
  }

  /** After a partition: what it held goes on. */
  flow(): void {
    for (const way of [this.#up, this.#down]) {
      const held = way.held;
      way.held = [];
      for (const item of held) this.transmit(way === this.#up ? this.client : this.server, item);
    }
  }

  /** A side whose peer doesn't answer for long gives the stream up. */
  watch(): void {
    const { scheduler } = this.#network;
    if (!this.#isSilent()) return;
    scheduler.after(keepaliveMs, () => {
      if (this.#isBroken || !this.#isSilent()) return;
      this.break(new Error("the peer answers no ping"));
    });
  }

  #isSilent(): boolean {
    const [a, b] = [this.client.process, this.server.process];
    return this.#network.isCut(a, b) || a.isFrozen || b.isFrozen || a.isDead || b.isDead;
  }

  abort(by: SimEnd): void {
    const peer = by === this.client ? this.server : this.client;
    const error = new Error("the peer cancelled");
    const isHeard = !this.#network.isCut(by.process, peer.process);
    this.#close();
    by.end(new Error("cancelled"));
    this.breakFor(peer, isHeard ? this.#network.latencyMs() : keepaliveMs, error);
  }

  /** One side's process died. */
  lose(process: SimProcess): void {
    if (this.#network.isCut(this.client.process, this.server.process)) return this.watch();
    const peer = this.client.process === process ? this.server : this.client;
    this.#close();
    this.breakFor(peer, this.#network.latencyMs(), new Error("connection reset by a process that died"));
  }

  break(error: Error): void {
    this.#close();
    for (const end of [this.client, this.server]) this.breakFor(end, this.#network.latencyMs(), error);
  }

  breakFor(end: SimEnd, afterMs: number, error: Error | null): void {
    this.#network.scheduler.after(afterMs, () => end.process.run(() => end.end(error)));
  }

  #close(): void {
    this.#isBroken = true;
    this.#network.streams.delete(this);
  }

  #arrive(way: Way, item: Item): void {
    if (this.#isBroken) return;
    if (way.held.length > 0 || this.#network.isCut(this.client.process, this.server.process)) {
      way.held.push(item);
      return;
    }
    const end = way.to();
    end.process.run(() => this.#take(end, item));
  }

  #take(end: SimEnd, item: Item): void {
    if (end.hasEnded) return;
    switch (item.tag) {
      case "open":
        return this.#accept();
      case "message":
        return end.onMessage(item.message);
      case "finish":
        this.#close();
        // What the other side sent before it heard of this is lost, as with a server's trailers.
        this.breakFor(end === this.client ? this.server : this.client, 0, null);
        return end.end(null);
    }
  }
}
