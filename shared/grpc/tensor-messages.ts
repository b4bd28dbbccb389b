/** The tensor plane's messages, checked where they enter. Documented in proto/trainyard/v1/tensors.proto. */
import { z } from "zod";
import { bytes, uint32, uint64 } from "./numbers.js";
import { nameOrNone } from "./texts.js";

export const UploadChunk = z.object({
  run: nameOrNone,
  generation: uint64,
  step: uint64,
  slice: uint32,
  beginLane: uint32,
  endLane: uint32,
  kind: z.enum(["GRADIENT", "INITIAL", "AUDIT"]),
  /** In elements of the slice. */
  offset: uint64,
  data: bytes,
  crc32c: uint32,
  worker: nameOrNone,
  attempt: uint32,
});
export type UploadChunk = z.infer<typeof UploadChunk>;

export const AckStatus = z.enum(["ACCEPTED", "DROPPED", "STALE", "CORRUPT"]);
export type AckStatus = z.infer<typeof AckStatus>;

export const UploadAck = z.object({
  step: uint64,
  slice: uint32,
  beginLane: uint32,
  endLane: uint32,
  status: AckStatus,
});
export type UploadAck = z.infer<typeof UploadAck>;

export const WeightsRequest = z.object({ run: nameOrNone, generation: uint64, slice: uint32 });

export const WeightsChunk = z.object({
  generation: uint64,
  step: uint64,
  slice: uint32,
  offset: uint64,
  data: bytes,
  crc32c: uint32,
  encoding: z.enum(["FLOAT32", "BFLOAT16"]),
});
export type WeightsChunk = z.infer<typeof WeightsChunk>;
