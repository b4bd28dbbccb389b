/**
 * A disk of the drill's own that can be filled: a tmpfs, whose size is cut to what it holds. Only some users may mount
 * one, so that it may not be there.
 */
import { execFile } from "node:child_process";
import { mkdir, statfs } from "node:fs/promises";
import { promisify } from "node:util";
import { TrainyardError } from "../shared/errors.js";

export interface SmallDisk {
  readonly folder: string;
  /** From now on nothing more can be written to the disk: "no space left on device". */
  fill(): Promise<void>;
  /** There is room again. */
  free(): Promise<void>;
  /** Takes the disk away with all that it holds. */
  remove(): Promise<void>;
}

/** Room for the checkpoints of a drill's runs. Memory is used only for what is written. */
const roomyBytes = 2 ** 31;
const run = promisify(execFile);

/** Mounts a disk at a folder, which is made; null where this user may not. */
export async function mountSmallDisk(folder: string): Promise<SmallDisk | null> {
  await mkdir(folder, { recursive: true });
  const mounted = run("mount", ["-t", "tmpfs", "-o", `size=${roomyBytes}`, "tmpfs", folder]);
  const isMounted = await mounted.then(
    () => true,
    () => false,
  );
  if (!isMounted) return null;
  const resize = async (bytes: number) => {
    await run("mount", ["-o", `remount,size=${bytes}`, folder]);
  };
  return {
    folder,
    fill: async () => {
      const { blocks, bfree, bsize } = await statfs(folder);
      await resize((blocks - bfree) * bsize);
      const left = (await statfs(folder)).bfree;
      if (left > 0)
        throw new TrainyardError("FAILED", `the drill's disk is not full: ${left} blocks are free`);
    },
    free: () => resize(roomyBytes),
    remove: async () => {
      await run("umount", [folder]);
    },
  };
}
