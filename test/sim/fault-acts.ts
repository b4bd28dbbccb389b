/** Does what a fault says, and mends it when its time is over. */
import type { Coordinators } from "./coordinators.js";
import { describe, type FaultAct } from "./faults.js";
import type { SimProcess } from "./process.js";
import type { WorkerSlot, Workers } from "./workers.js";
import { calmNetworkMs, calmStoreMs, type World } from "./world.js";

export class FaultActs {
  readonly #world: World;
  readonly #coordinators: Coordinators;
  readonly #workers: Workers;
  /** Steps of which a gradient was NaN once: a second one would change the run. */
  readonly #poisoned = new Set<number>();
  /** What happens when the coordinator has written so many more objects. */
  #atPut: { puts: number; readonly act: () => void } | null = null;
  #isOver = false;

  constructor(world: World, coordinators: Coordinators, workers: Workers) {
    this.#world = world;
    this.#coordinators = coordinators;
    this.#workers = workers;
    world.onPut = (process) => this.#noteWritten(process);
  }

  fault(fault: FaultAct): void {
    this.#world.note(`--- ${describe(fault)}`);
    this.#world.mayFail ||= fault.act.startsWith("store") || /^(freeze|cut off) coordinator/.test(fault.act);
    switch (fault.act) {
      case "kill worker":
        return this.#workers.kill(this.#workers.slot(fault.worker), fault.downMs);
      case "drain worker":
        return this.#drain(this.#workers.slot(fault.worker));
      case "freeze worker":
        return this.#freeze(this.#workers.slot(fault.worker).process, fault.forMs);
      case "cut off worker":
        return this.#cutOff(this.#workers.slot(fault.worker).process, fault.forMs);
      case "break streams": {
        const { process } = this.#workers.slot(fault.worker);
        if (process !== null) this.#world.network.breakStreams(process, fault.method);
        return;
      }
      case "slow worker": {
        const { speed } = this.#workers.slot(fault.worker);
        speed.factor = fault.factor;
        return this.#afterwards(fault.forMs, () => {
          speed.factor = 1;
        });
      }
      case "poison worker":
        return this.#poison(this.#workers.slot(fault.worker));
      case "flip bit": {
        const { engine } = this.#workers.slot(fault.worker);
        if (engine !== null) engine.flippedBit = fault.bit;
        return;
      }
      case "unreadable samples": {
        const worker = fault.worker === null ? null : this.#workers.slot(fault.worker).number;
        const damage = { worker, every: fault.every };
        this.#world.unreadable.add(damage);
        return this.#afterwards(fault.forMs, () => this.#world.unreadable.delete(damage));
      }
      case "slow evaluations":
        this.#world.blockFactor = fault.factor;
        return this.#afterwards(fault.forMs, () => {
          this.#world.blockFactor = 1;
        });
      case "slow export":
        this.#world.exportMs = fault.exportMs;
        return;
      case "shrink fleet":
        while (this.#workers.slots.length > Math.ceil(this.#workers.most / 10)) this.#workers.remove(1);
        return;
      case "remove worker":
        return this.#workers.remove(fault.worker);
      case "new worker":
        return this.#workers.add();
      case "repeat messages": {
        const { process } = this.#workers.slot(fault.worker);
        if (process !== null) this.#world.network.repeat(process, fault.method);
        return;
      }
      case "kill coordinator":
        return this.#coordinators.kill(fault.downMs);
      case "kill coordinator at put":
        this.#atPut = { puts: fault.puts, act: () => this.#coordinators.kill(fault.downMs) };
        return;
      case "freeze coordinator at put":
        this.#atPut = {
          puts: fault.puts,
          act: () => this.fault({ act: "freeze coordinator", forMs: fault.forMs, rival: fault.rival }),
        };
        return;
      case "stop coordinator":
        return this.#coordinators.newest?.process.run(() => this.#coordinators.newest?.stop.abort());
      case "freeze coordinator":
        if (fault.rival) this.#world.scheduler.after(100, () => this.#coordinators.start());
        return this.#freeze(this.#coordinators.newest?.process ?? null, fault.forMs);
      case "cut off coordinator":
        if (fault.rival) this.#world.scheduler.after(100, () => this.#coordinators.start());
        return this.#cutOff(this.#coordinators.newest?.process ?? null, fault.forMs);
      case "rival coordinator":
        return this.#coordinators.start();
      case "store away":
        this.#world.store.isAway = true;
        return this.#afterwards(fault.forMs, () => {
          this.#world.store.isAway = false;
        });
      case "store full":
      case "store read-only":
        this.#world.store.refusesPuts = fault.act === "store full" ? "STORE_FULL" : "STORE_DENIED";
        return this.#afterwards(fault.forMs, () => {
          this.#world.store.refusesPuts = null;
        });
      case "store slow":
        this.#world.store.weather.latencyMs = [fault.latencyMs / 4, fault.latencyMs];
        return this.#afterwards(fault.forMs, () => {
          this.#world.store.weather.latencyMs = calmStoreMs;
        });
      case "store flaky":
        this.#world.store.weather.failures = fault.failures;
        return this.#afterwards(fault.forMs, () => {
          this.#world.store.weather.failures = 0;
        });
      case "echoes":
        this.#world.network.weather.echoes = fault.share;
        return this.#afterwards(fault.forMs, () => {
          this.#world.network.weather.echoes = 0;
        });
      case "network slow":
        this.#world.network.weather.latencyMs = [0.2, fault.latencyMs];
        return this.#afterwards(fault.forMs, () => {
          this.#world.network.weather.latencyMs = calmNetworkMs;
        });
    }
  }

  /** Everything that still is wrong is mended. */
  end(): void {
    this.#world.note("--- faults end");
    this.#isOver = true;
    this.#atPut = null;
    this.#world.store.isAway = false;
    this.#world.store.refusesPuts = null;
    this.#world.unreadable.clear();
    this.#world.blockFactor = 1;
    this.#world.store.weather.failures = 0;
    this.#world.store.weather.latencyMs = calmStoreMs;
    this.#world.network.weather.latencyMs = calmNetworkMs;
    this.#world.network.weather.echoes = 0;
    for (const { speed } of this.#workers.slots) speed.factor = 1;
    const processes = [
      ...this.#coordinators.lives.map(({ process }) => process),
      ...this.#workers.slots.map(({ process }) => process),
    ];
    for (const process of processes) {
      if (process === null) continue;
      process.wake();
      this.#world.network.heal(process);
    }
  }

  /** Nothing is left of a worker that does not go within the time for a drain. */
  #drain(slot: WorkerSlot): void {
    const { process } = slot;
    process?.run(() => slot.drain.abort());
    this.#world.scheduler.after(30_000, () => {
      if (slot.process === process && process?.isFrozen === false)
        this.#world.broken.push(`${process.name} does not drain`);
    });
  }

  /** Its next gradient, unless one of the same step was NaN already: twice is the step's own fault, which is skipped. */
  #poison({ engine }: WorkerSlot): void {
    if (engine === null) return;
    let isArmed = true;
    engine.isPoisoned = () => {
      const step = this.#coordinators.newest?.shell?.state.progress.step;
      // A record that comes again while its lane is with the same worker can't be told from that one's second answer.
      const isEchoed = this.#world.network.weather.echoes > 0;
      if (!isArmed || step === undefined || this.#poisoned.has(step) || isEchoed) return false;
      isArmed = false;
      this.#poisoned.add(step);
      return true;
    };
  }

  #noteWritten(process: SimProcess): void {
    const watched = this.#atPut;
    if (watched === null || process !== this.#coordinators.newest?.process) return;
    watched.puts -= 1;
    if (watched.puts > 0) return;
    this.#atPut = null;
    watched.act();
  }

  #freeze(process: SimProcess | null, forMs: number): void {
    if (process === null) return;
    process.freeze();
    this.#world.network.froze(process);
    this.#afterwards(forMs, () => process.wake());
  }

  #cutOff(process: SimProcess | null, forMs: number): void {
    if (process === null) return;
    this.#world.network.cutOff(process);
    this.#afterwards(forMs, () => this.#world.network.heal(process));
  }

  #afterwards(forMs: number, mend: () => void): void {
    this.#world.scheduler.after(forMs, () => {
      if (!this.#isOver) mend();
    });
  }
}
