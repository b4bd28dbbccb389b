/** Everything outside its own code that a coordinator depends on, apart from the store. */
import type { Clock } from "../shared/clock.js";
import type { Transport } from "../shared/grpc/transport.js";
import type { startMetricsServer } from "../shared/http.js";
import type { CoordinatorMetrics } from "../shared/metrics.js";
import type { TakeoverOptions } from "./ownership/takeover.js";
import type { Shell, ShellOptions } from "./shell.js";

/**
 * What a coordinator gets from outside: clock, servers, threads. Each has a real default; the simulator replaces them.
 */
export interface CoordinatorDependencies {
  readonly clock?: Clock;
  /** What the control port listens with. */
  readonly makeTransport?: () => Transport;
  readonly startHttp?: typeof startMetricsServer;
  readonly openReducers?: NonNullable<ShellOptions["openReducers"]>;
  readonly askOwner?: NonNullable<TakeoverOptions["ask"]>;
  readonly makeMetrics?: () => CoordinatorMetrics;
  /** Unsigned 32 bit, known to no worker: decides what is audited. */
  readonly drawSalt?: () => number;
  /** Called with the shell before it receives its first event. */
  readonly onShell?: (shell: Shell) => void;
}
