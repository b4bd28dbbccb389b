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
import { sizeGuarded } from "./control-sizes.js";

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
let runs: grpc.ServiceClientConstructor | undefined;

export function controlService(): grpc.ServiceClientConstructor {
  control ??= guarded(load("control.proto", "Control"));
  return control;
}

export function tensorService(): grpc.ServiceClientConstructor {
  tensors ??= load("tensors.proto", "Tensors");
  return tensors;
}

export function runsService(): grpc.ServiceClientConstructor {
  runs ??= load("runs.proto", "Runs");
  return runs;
}

type Method = grpc.MethodDefinition<object, object>;

/** Of workers' messages only a layout and a lane's record may be large. */
function guarded(service: grpc.ServiceClientConstructor): grpc.ServiceClientConstructor {
  const { Join } = service.service as unknown as {
    readonly Join: { -readonly [Key in keyof Method]: Method[Key] };
  };
  const large = ["ready", "laneRecord"].map((field) => fieldNumberOf(Join, "requestType", field));
  Join.requestDeserialize = sizeGuarded(Join.requestDeserialize, large);
  return service;
}

/** What whoever speaks the tensor plane's protocol itself must know of it (frames.ts). */
export interface TensorMethods {
  readonly Upload: Method;
  readonly Weights: Method;
  /** Numbers of the fields that carry vectors. */
  readonly uploadDataField: number;
  readonly weightsDataField: number;
}

let methods: TensorMethods | undefined;

export function tensorMethods(): TensorMethods {
  if (methods !== undefined) return methods;
  const { Upload, Weights } = tensorService().service as unknown as Record<"Upload" | "Weights", Method>;
  methods = {
    Upload,
    Weights,
    uploadDataField: fieldNumberOf(Upload, "requestType", "data"),
    weightsDataField: fieldNumberOf(Weights, "responseType", "data"),
  };
  return methods;
}

function fieldNumberOf(method: Method, side: "requestType" | "responseType", wanted: string): number {
  const message = (method as unknown as protoLoader.MethodDefinition<object, object>)[side];
  const { field } = message.type as { readonly field: readonly { name: string; number: number }[] };
  const found = field.find(({ name }) => name === wanted);
  if (found === undefined)
    throw new TrainyardError("FAILED", `${method.path} has no field ${wanted} in its ${side}`);
  return found.number;
}

/** Of a tensor stream: the worker's id, percent-encoded. Its ticket is a bearer token. */
export const workerHeader = "x-trainyard-worker";

/** Equal on both sides. Keepalive notices a peer that vanished without a word. */
export const channelOptions: grpc.ChannelOptions = {
  "grpc.max_receive_message_length": limits.messageBytes,
  "grpc.max_send_message_length": limits.messageBytes,
  "grpc.keepalive_time_ms": limits.lostAfterMs,
  "grpc.keepalive_timeout_ms": limits.lostAfterMs,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": limits.reconnectMinMs,
  "grpc.max_reconnect_backoff_ms": limits.reconnectMaxMs,
  // Nobody configures calls through DNS; each new connection would ask for it.
  "grpc.service_config_disable_resolution": 1,
  // Each client gets a connection of its own: one stalled stream never holds another's window.
  "grpc.use_local_subchannel_pool": 1,
};

/** What one connection can make a server hold. */
export const serverOptions: grpc.ServerOptions = {
  ...channelOptions,
  "grpc.max_concurrent_streams": limits.controlStreams,
  "grpc.max_connection_idle_ms": limits.idleConnectionMs,
  "grpc-node.max_session_memory": limits.sessionMegabytes,
};
