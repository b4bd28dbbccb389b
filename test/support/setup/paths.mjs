/** Where the parts that tests need beside the program lie. Tests take them from `test/support/parts.ts`. */
import { join } from "node:path";
import { cacheFolder } from "../../../engine/native/setup/cache-folder.mjs";

/**
 * Of a virtual environment.
 * @param {string} folder
 */
export const pythonIn = (folder) => join(folder, "bin", "python");

export const kerasFolder = join(cacheFolder(), "python-keras-3.15");
export const kerasPython = pythonIn(kerasFolder);
export const torchFolder = join(cacheFolder(), "python-torch-2.15");
export const torchPython = pythonIn(torchFolder);

/** The version is a commit of the MinIO server's main line; its Go module is the only source build offered. */
export const minioVersion = "v0.0.0-20260212201848-7aac2a2c5b7c";
export const minioFolder = join(cacheFolder(), `minio-${minioVersion}`);
export const minioBinary = join(minioFolder, "minio");
