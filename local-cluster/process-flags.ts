/** Flags of the processes of a local cluster, written again from the flags of the command or program that starts it. */
import type { DeviceFlags, ImageCacheFlags, TraceFlags } from "../shared/settings/process-settings.js";

/** `--device` for a worker; nothing when the worker shall choose. */
export const deviceWords = ({ device }: Partial<DeviceFlags>): string[] =>
  device === undefined ? [] : ["--device", device];

/** A worker's limits of memory and disk for decoded images; what is not given is the worker's to choose. */
export const imageCacheWords = ({ imageCacheMemory, imageCacheDisk }: Partial<ImageCacheFlags>): string[] => [
  ...(imageCacheMemory === undefined ? [] : ["--image-cache-memory", String(imageCacheMemory)]),
  ...(imageCacheDisk === undefined ? [] : ["--image-cache-disk", String(imageCacheDisk)]),
];

/** `--trace` for a worker or a coordinator. */
export const traceWords = ({ trace }: Partial<TraceFlags>): string[] =>
  trace === undefined ? [] : ["--trace", trace];

/** `--trace-ratio`, the share of traced steps, for a coordinator. */
export const ratioWords = (flags: Partial<TraceFlags>): string[] =>
  flags.trace === undefined ? [] : ["--trace-ratio", String(flags.traceRatio ?? 1)];
