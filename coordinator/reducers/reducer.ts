/**
 * A reducer: one slice, its tensor server, and the port to the coordinator's main thread. It does what it is told, one
 * message after another; thread.ts gives it a thread of its own.
 */
import { type Clock, realClock } from "../../shared/clock.js";
import { assertNever } from "../../shared/errors.js";
import { Http2TensorServer, type TensorListener } from "../../shared/grpc/tensor-server.js";
import type { FromReducer, ReducerOptions, ToReducer } from "./messages.js";
import { SliceServer } from "./server.js";
import { ReducedSlice } from "./slice.js";

/** What a reducer needs of a MessagePort. */
export interface ReducerPort {
  postMessage(message: FromReducer): void;
  on(event: "message", hear: (message: ToReducer) => void): unknown;
  close(): void;
}

/** What a simulation brings of its own. */
export interface ReducerDependencies {
  readonly clock: Clock;
  readonly listener: TensorListener;
}

const realDependencies = (): ReducerDependencies => ({
  clock: realClock,
  listener: new Http2TensorServer(),
});

export function runReducer(
  options: ReducerOptions,
  port: ReducerPort,
  { clock, listener }: ReducerDependencies = realDependencies(),
): void {
  const say = (message: FromReducer) => port.postMessage(message);
  const traffic = { bytesIn: 0, bytesOut: 0 };
  const slice = new ReducedSlice(options.range, options.identity);
  const tensors = new SliceServer(
    slice,
    options.identity,
    {
      loaded: () => say({ tag: "loaded" }),
      whole: (step, report) => say({ tag: "whole", step, report }),
      compared: (step, comparison) => say({ tag: "compared", step, ...comparison }),
      traffic: (bytesIn, bytesOut) => {
        traffic.bytesIn += bytesIn;
        traffic.bytesOut += bytesOut;
      },
      refused: (reason) => say({ tag: "refused", reason }),
    },
    clock,
  );

  function reportTraffic(): void {
    say({ tag: "traffic", ...traffic });
    traffic.bytesIn = 0;
    traffic.bytesOut = 0;
  }

  function carryOut(message: ToReducer): void {
    switch (message.tag) {
      case "restore":
        tensors.broadcast(slice.restore(message.step, message.whole), true);
        return say({ tag: "loaded" });
      case "begin":
        return tensors.begin(message);
      case "grant":
        return tensors.grant(message.worker, message.grant);
      case "watch":
        return slice.watch(message.step, message.node);
      case "findMissingLanes": {
        const { step, attempt } = message;
        const lanes = slice.lacking(step, attempt);
        if (lanes.length > 0) say({ tag: "lacks", step, attempt, lanes });
        return;
      }
      case "apply":
      case "skip": {
        const version = message.tag === "apply" ? slice.apply(message.update) : slice.skip();
        say({ tag: "committed", step: message.step, checksum: version.crc32c });
        tensors.broadcast(version, message.exact);
        return reportTraffic();
      }
      case "snapshot":
        slice.snapshot(message.whole);
        return say({ tag: "snapshot", id: message.id });
      case "certificate":
        return listener.renew(message.files);
      case "admit":
        return tensors.admit(message.admission);
      case "dismiss":
        return tensors.dismiss(message.admission);
      case "close":
        listener.close();
        port.close();
        return;
      default:
        return assertNever(message);
    }
  }

  port.on("message", (message: ToReducer) => {
    try {
      carryOut(message);
    } catch (error) {
      say({ tag: "broken", message: error instanceof Error ? error.message : String(error) });
    }
  });

  const { host, port: wanted, tls } = options;
  tensors.listen(listener, host, wanted, tls).then(
    (bound) => say({ tag: "listening", port: bound }),
    (error: Error) => say({ tag: "broken", message: error.message }),
  );
}
