/** What passes between a worker's main thread and a thread that decodes. */
import type { ComputeDevice } from "../../engine/native/device.js";
import type { ImageSpec, RunSpec } from "../../shared/spec.js";

/** workerData of a decode thread. */
export interface DecodeThreadOptions {
  readonly image: ImageSpec;
  /** TensorFlow's options, one for all threads of a process. */
  readonly engine: Pick<RunSpec["engine"], "intraOpThreads" | "oneDnn">;
  /** What the process' engine computes on. Default: the CPU. */
  readonly device?: ComputeDevice;
}

export interface DecodeRequest {
  readonly id: number;
  /** The files, one after another; the thread's from now on. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each file ends. */
  readonly ends: readonly number[];
}

export interface DecodeReply {
  readonly id: number;
  /** uint8 [files, height, width, channels]; of no meaning where a file failed. The receiver's from now on. */
  readonly pictures: Uint8Array<ArrayBuffer>;
  /** Index of the file, and why it can't be decoded. */
  readonly failures: readonly (readonly [file: number, message: string])[];
}
