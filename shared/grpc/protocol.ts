/**
 * Loads the .proto files when the program runs, and holds the channel options of both sides, so that no limit is set on
 * one side only. The types of what is loaded are generated from the same files: `npm run build:messages`.
 */
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";
import { TrainyardError } from "../errors.js";
import { limits } from "../limits.js";
import { packageRoot } from "../version.js";
import { sizeGuarded } from "./control-sizes.js";
import type { ProtoGrpcType as ControlPackage } from "./generated/control.js";
import type { ProtoGrpcType as RunsPackage } from "./generated/runs.js";
import type { ProtoGrpcType as TensorsPackage } from "./generated/tensors.js";

const protoFile = (name: string) => join(packageRoot(), "proto", "trainyard", "v1", name);

/** `Package`: the type generated from the same file. The options repeat those of proto/build.mjs. */
function load<Package>(name: string): Package {
  const definition = protoLoader.loadSync(protoFile(name), {
    keepCase: false,
    longs: String,
    enums: String,
    defaults: true,
    arrays: true,
    oneofs: true,
  });
  return grpc.loadPackageDefinition(definition) as unknown as Package;
}

type ControlService = ControlPackage["trainyard"]["v1"]["Control"];
type TensorService = TensorsPackage["trainyard"]["v1"]["Tensors"];
type RunsService = RunsPackage["trainyard"]["v1"]["Runs"];

let control: ControlService | undefined;
let tensors: TensorService | undefined;
let runs: RunsService | undefined;

/** The Control service: its client's constructor, and its methods for a server. */
export function controlService(): ControlService {
  control ??= guarded(load<ControlPackage>("control.proto").trainyard.v1.Control);
  return control;
}

/** The Tensors service: its client's constructor, and its methods for a server. */
export function tensorService(): TensorService {
  tensors ??= load<TensorsPackage>("tensors.proto").trainyard.v1.Tensors;
  return tensors;
}

/** The Runs service: its client's constructor, and its methods for a server. */
export function runsService(): RunsService {
  runs ??= load<RunsPackage>("runs.proto").trainyard.v1.Runs;
  return runs;
}

type Method = grpc.MethodDefinition<object, object>;

/** Refuses a worker's message that is too large before it is decoded. Only a layout and a lane's record may be large. */
function guarded(service: ControlService): ControlService {
  const { Join } = service.service;
  const large = ["ready", "laneRecord"].map((field) => fieldNumberOf(Join, "requestType", field));
  Join.requestDeserialize = sizeGuarded(Join.requestDeserialize, large);
  return service;
}

/** The methods of the Tensors service, for the hand-written HTTP/2 client and server of the tensor plane (frames.ts). */
export interface TensorMethods {
  readonly Upload: Method;
  readonly Weights: Method;
  /** The number of the field `data` in UploadChunk, which carries a vector. */
  readonly uploadDataField: number;
  /** The number of the field `data` in WeightsChunk, which carries a vector. */
  readonly weightsDataField: number;
}

let methods: TensorMethods | undefined;

/** The methods of the Tensors service, read from tensors.proto once. */
export function tensorMethods(): TensorMethods {
  if (methods !== undefined) return methods;
  const { Upload, Weights } = tensorService().service;
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

/** The header of a tensor stream that carries the worker's id, percent-encoded. The ticket is a bearer token beside it. */
export const workerHeader = "x-trainyard-worker";

/** Channel options of clients and servers. Keepalive notices a peer that vanished without closing its connection. */
export const channelOptions: grpc.ChannelOptions = {
  "grpc.max_receive_message_length": limits.messageBytes,
  "grpc.max_send_message_length": limits.messageBytes,
  "grpc.keepalive_time_ms": limits.lostAfterMs,
  "grpc.keepalive_timeout_ms": limits.lostAfterMs,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": limits.reconnectMinMs,
  "grpc.max_reconnect_backoff_ms": limits.reconnectMaxMs,
  // Calls are not configured through DNS; without this, each new connection would ask for a configuration.
  "grpc.service_config_disable_resolution": 1,
  // Each client gets a connection of its own: one stalled stream never holds another's window.
  "grpc.use_local_subchannel_pool": 1,
};

/** Options of a server: those of a channel, and bounds on the memory that one connection can make the server hold. */
export const serverOptions: grpc.ServerOptions = {
  ...channelOptions,
  "grpc.max_concurrent_streams": limits.controlStreams,
  "grpc.max_connection_idle_ms": limits.idleConnectionMs,
  "grpc-node.max_session_memory": limits.sessionMegabytes,
};
