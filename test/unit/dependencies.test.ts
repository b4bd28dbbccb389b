/** What is installed along: fixed versions, from whatever registry the user has, under licences that allow it. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

interface Installed {
  readonly version?: string;
  readonly license?: string;
  readonly licenses?: readonly { readonly type: string }[];
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly resolved?: string;
  readonly integrity?: string;
}

const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const { dependencies, devDependencies, overrides } = read("package.json") as Record<
  string,
  Record<string, string>
>;
const { packages } = read("package-lock.json") as { readonly packages: Record<string, Installed> };
const locked = Object.entries(packages).filter(([path]) => path !== "");

/** Those that let a program be used, changed and passed on, and ask for no more than their text. */
const permissive = [
  "MIT",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "0BSD",
  "BlueOak-1.0.0",
  "Python-2.0",
];
/** sharp's own libvips comes as a shared library under LGPL-3.0, which is loaded, not linked into anything. */
const libraries = /^node_modules\/@img\/sharp-/;

/** Read by people: NIST's own work, which is free of copyright, with HDF5 in it, which is under a BSD licence. */
const readByPeople = ["node_modules/h5wasm"];

it("every dependency has one version, not a range", () => {
  const versions = Object.entries({ ...dependencies, ...devDependencies, ...overrides });
  expect(versions.length).toBeGreaterThan(20);
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
});

it("what is locked names its bytes and no address: the registry is the user's", () => {
  expect(locked.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
  expect(locked.filter(([, { integrity }]) => integrity === undefined).map(([path]) => path)).toEqual([]);
});

it("what the program runs with is under a permissive licence", () => {
  const shipped = locked.filter(
    ([path, { dev }]) => dev !== true && !libraries.test(path) && !readByPeople.includes(path),
  );
  expect(shipped.length).toBeGreaterThan(50);
  const others = shipped
    .map(([path, { license }]) => [path, license ?? licenceOf(path)] as const)
    .filter(([, licence]) => !isPermissive(licence));
  expect(others).toEqual([]);
});

/** As the package itself says it; old ones do in a list. */
function licenceOf(path: string): string {
  try {
    const { license, licenses } = read(`${path}/package.json`) as Installed;
    return license ?? licenses?.map(({ type }) => type).join(" AND ") ?? "";
  } catch {
    return "not installed"; // for another platform
  }
}

/** One of several to choose from, or all that apply. */
function isPermissive(licence: string): boolean {
  const terms = licence.replaceAll(/[()]/g, "");
  if (terms.includes(" OR ")) return terms.split(" OR ").some(isPermissive);
  return terms.split(" AND ").every((one) => permissive.includes(one));
}
