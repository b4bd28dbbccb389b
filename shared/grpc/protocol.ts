/**
 * The wire at run time: loads the .proto files, and holds the channel options that both sides use, so that
 * no limit is set on one side only.
 */
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";
import { TrainyardError } from "../errors.js";
import { limits } from "../limits.js";
import { packageRoot } from "../version.js";

const protoFile = (name: string) => join(packageRoot(), "proto", "trainyard", "v1", name);

function load(name: string, service: string): grpc.ServiceClientConstructor {
  const definition = protoLoader.loadSync(protoFile(name), {
    keepCase: false,
    longs: String,
    enums: String,
    defaults: true,
    arrays: true,
    oneofs: true,
  });
  const packages = grpc.loadPackageDefinition(definition) as unknown as {
    trainyard: { v1: Record<string, grpc.ServiceClientConstructor> };
  };
  const client = packages.trainyard.v1[service];
  if (client === undefined) throw new TrainyardError("FAILED", `${name} defines no service ${service}`);
  return client;
}

let control: grpc.ServiceClientConstructor | undefined;
let tensors: grpc.ServiceClientConstructor | undefined;

export function controlService(): grpc.ServiceClientConstructor {
  control ??= load("control.proto", "Control");
  return control;
}

/** A message that `encodeWeightsChunk` made is sent as it is, to however many. */
export function tensorService(): grpc.ServiceClientConstructor {
  if (tensors !== undefined) return tensors;
  tensors = load("tensors.proto", "Tensors");
  const weights = weightsMethod(tensors);
  const { responseSerialize } = weights;
  weights.responseSerialize = (message) => encodedChunks.get(message) ?? responseSerialize(message);
  return tensors;
}

type WeightsMethod = grpc.MethodDefinition<object, object>;
const encodedChunks = new WeakMap<object, Buffer>();

function weightsMethod({ service }: grpc.ServiceClientConstructor): WeightsMethod {
  const method = service["Weights"];
  if (method === undefined) throw new TrainyardError("FAILED", "tensors.proto defines no Weights");
  return method as WeightsMethod;
}

/**
 * The message with its bytes on the wire made once. Its `data` is a view of these bytes, so that what was given may
 * change from here on, and nothing is held twice.
 */
export function encodeWeightsChunk(chunk: object): object {
  const { responseSerialize, responseDeserialize } = weightsMethod(tensorService());
  const bytes = responseSerialize(chunk);
  const message = responseDeserialize(bytes);
  encodedChunks.set(message, bytes);
  return message;
}

/** Equal on both sides. Keepalive notices a peer that vanished without a word. */
export const channelOptions: grpc.ChannelOptions = {
  "grpc.max_receive_message_length": limits.messageBytes,
  "grpc.max_send_message_length": limits.messageBytes,
  "grpc.keepalive_time_ms": limits.lostAfterMs,
  "grpc.keepalive_timeout_ms": limits.lostAfterMs,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": limits.reconnectMinMs,
  "grpc.max_reconnect_backoff_ms": limits.reconnectMaxMs,
  // What a client takes in before it must answer: its own part of the speed of weights coming down.
  "grpc-node.flow_control_window": limits.receiveWindowBytes,
  // Nobody configures calls through DNS; each new connection would ask for it.
  "grpc.service_config_disable_resolution": 1,
  // Each client gets a connection of its own: one stalled stream never holds another's window.
  "grpc.use_local_subchannel_pool": 1,
};
