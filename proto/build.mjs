/**
 * Generates the TypeScript types of every message and service from the .proto files: `npm run build:messages`.
 * The options repeat those with which shared/grpc/protocol.ts loads the same files, so that the types are what
 * proto-loader really decodes to: 64-bit numbers and enums as strings, every field present, a oneof by its name.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const repository = dirname(dirname(fileURLToPath(import.meta.url)));

/** Where the types lie in the repository. */
export const generatedFolder = join(repository, "shared", "grpc", "generated");

const generator = join(
  dirname(createRequire(import.meta.url).resolve("@grpc/proto-loader/package.json")),
  "build/bin/proto-loader-gen-types.js",
);

/**
 * Writes the types of all .proto files into a folder: `Name` is what may be sent, `NameReceived` what was decoded.
 * @param {string} folder
 */
export function generateMessages(folder) {
  const protos = readdirSync(join(repository, "proto", "trainyard", "v1")).sort();
  const decoding = ["--longs=String", "--enums=String", "--defaults", "--arrays", "--oneofs"];
  const output = ["--includeComments", "--grpcLib=@grpc/grpc-js", "--importFileExtension=.js"];
  const names = ["--inputTemplate=%s", "--outputTemplate=%sReceived"];
  const files = protos.map((name) => `trainyard/v1/${name}`);
  const args = [generator, ...decoding, ...output, ...names, "-I=proto", `-O=${folder}`, ...files];
  // The working directory is part of the result: files name their source relative to it.
  execFileSync(process.execPath, args, { cwd: repository, stdio: ["ignore", "ignore", "inherit"] });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  rmSync(generatedFolder, { recursive: true, force: true });
  generateMessages(generatedFolder);
}
