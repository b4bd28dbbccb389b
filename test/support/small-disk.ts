/** A small disk of a test's own: a tmpfs, where this user may mount one. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  readonly folder: string;
  /** Writes a file that takes all the space that is left. */
  fill(): void;
  /** Removes that file. */
  free(): void;
  /** Mounts it again, so that it takes no writes, or takes them again. */
  setReadOnly(isReadOnly: boolean): void;
  remove(): void;
}

const run = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;

/** Null where this user may not mount. */
export function mountSmallDisk(bytes: number): SmallDisk | null {
  const folder = mkdtempSync(join(tmpdir(), "trainyard-small-disk-"));
  if (!run("mount", "-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder)) {
    rmSync(folder, { recursive: true });
    return null;
  }
  const filler = join(folder, "filler");
  return {
    folder,
    fill: () => {
      const { bavail, bsize } = statfsSync(folder);
      writeFileSync(filler, Buffer.alloc(bavail * bsize));
    },
    free: () => rmSync(filler),
    setReadOnly: (isReadOnly) => {
      if (!run("mount", "-o", `remount,${isReadOnly ? "ro" : "rw"}`, folder)) throw new Error("no remount");
    },
    remove: () => {
      run("umount", folder);
      rmSync(folder, { recursive: true });
    },
  };
}
