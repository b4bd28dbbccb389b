/**
 * A folder on a disk that is full after 4 MiB: a small tmpfs where this user may mount one, else a limit on the size
 * of this process' files, which fails the same writes.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const fullDiskBytes = 4 * 1024 * 1024;

export async function withSmallDisk(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "trainyard-small-disk-"));
  const mounted =
    spawnSync("mount", ["-t", "tmpfs", "-o", `size=${fullDiskBytes}`, "tmpfs", folder]).status === 0;
  const release = mounted ? () => run("umount", folder) : limitFiles();
  try {
    await use(folder);
  } finally {
    release();
    await rm(folder, { recursive: true });
  }
}

/** The signal of the limit would end the process; with a listener the write fails with EFBIG instead. */
function limitFiles(): () => void {
  const ignore = () => undefined;
  process.on("SIGXFSZ", ignore);
  run("prlimit", "--pid", String(process.pid), `--fsize=${fullDiskBytes}:`);
  return () => {
    run("prlimit", "--pid", String(process.pid), "--fsize=unlimited:");
    process.off("SIGXFSZ", ignore);
  };
}

function run(program: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed: ${error?.message ?? stderr}`);
}
