/** Schemas of the tensor plane's messages, for both sides. Fields are documented in proto/trainyard/v1/tensors.proto. */
import { z } from "zod";
import type { AckStatusReceived } from "./generated/trainyard/v1/AckStatus.js";
import type { UploadAckReceived } from "./generated/trainyard/v1/UploadAck.js";
import type { UploadChunkReceived } from "./generated/trainyard/v1/UploadChunk.js";
import type { WeightsChunkReceived } from "./generated/trainyard/v1/WeightsChunk.js";
import type { WeightsRequestReceived } from "./generated/trainyard/v1/WeightsRequest.js";
import { bytes, uint32, uint64 } from "./numbers.js";
import type { FieldsOf } from "./schema-types.js";
import { nameOrNone } from "./texts.js";

/** A chunk of a partial on its way from a worker to a slice. */
export const UploadChunk = z.object({
  run: nameOrNone,
  generation: uint64,
  step: uint64,
  slice: uint32,
  beginLane: uint32,
  endLane: uint32,
  kind: z.enum(["GRADIENT", "INITIAL", "AUDIT"]),
  /** Position of the first number of `data`, in elements of the slice. */
  offset: uint64,
  data: bytes,
  crc32c: uint32,
  worker: nameOrNone,
  attempt: uint32,
} satisfies FieldsOf<UploadChunkReceived>);
export type UploadChunk = z.infer<typeof UploadChunk>;

/** What a slice did with a whole partial. */
export const AckStatus = z.enum(["ACCEPTED", "DROPPED", "STALE", "CORRUPT"]) satisfies z.ZodType<
  AckStatusReceived,
  AckStatusReceived
>;
export type AckStatus = z.infer<typeof AckStatus>;

/** The answer to a whole partial. */
export const UploadAck = z.object({
  step: uint64,
  slice: uint32,
  beginLane: uint32,
  endLane: uint32,
  status: AckStatus,
} satisfies FieldsOf<UploadAckReceived>);
export type UploadAck = z.infer<typeof UploadAck>;

/** Opens a stream of weights versions of one slice. */
export const WeightsRequest = z.object({
  run: nameOrNone,
  generation: uint64,
  slice: uint32,
} satisfies FieldsOf<WeightsRequestReceived>);

/** A chunk of a slice's weights on its way to a worker. */
export const WeightsChunk = z.object({
  generation: uint64,
  step: uint64,
  slice: uint32,
  offset: uint64,
  data: bytes,
  crc32c: uint32,
  encoding: z.enum(["FLOAT32", "BFLOAT16"]),
} satisfies FieldsOf<WeightsChunkReceived>);
export type WeightsChunk = z.infer<typeof WeightsChunk>;
