/** Entry of a thread that stands for a worker: the worker's real ends of the tensor plane, and ready-made partials. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { PartialSender } from "../worker/gradient-upload.js";
import { WeightsReceiver } from "../worker/weights-receiver.js";
import {
  type ExchangeWorkerOptions,
  exchangeRun,
  type FromExchangeWorker,
  loopback,
  type ToExchangeWorker,
} from "./exchange-messages.js";

const { worker, slices, wire } = workerData as ExchangeWorkerOptions;
const port = parentPort as MessagePort;
const say = (message: FromExchangeWorker) => port.postMessage(message);
let isClosed = false;
const onBroken = (error: Error) => {
  if (!isClosed) say({ tag: "broken", message: error.message });
};
const common = { host: loopback, ...exchangeRun, slices, onBroken, onBytes: () => undefined };
const partials = new PartialSender({ ...common, worker, wire });
const weights = new WeightsReceiver(common);
const gradient = new Float32Array(slices.reduce((most, { end }) => Math.max(most, end), 0)).fill(1e-3);

async function carryOut(message: ToExchangeWorker): Promise<void> {
  switch (message.tag) {
    case "send":
      await partials.send({ step: message.step, attempt: 0 }, message.node, gradient);
      return say({ tag: "sent" });
    case "receive":
      (await weights.at(message.step)).release();
      return say({ tag: "received" });
    case "close":
      isClosed = true;
      partials.close();
      weights.close();
      return port.close();
  }
}

port.on("message", (message: ToExchangeWorker) => {
  carryOut(message).catch((error: Error) => onBroken(error));
});
