/** The classes of a run: their order and weights, from the flags and the data set. */
import type { Manifest } from "../dataset/manifest.js";
import { TrainyardError } from "../shared/errors.js";
import { suggestion } from "../shared/nearest-name.js";
import { parseNumber } from "../shared/settings/value.js";

const refuse = (sentence: string) => new TrainyardError("USAGE", sentence);
const quoted = (names: readonly string[]) => names.map((name) => JSON.stringify(name)).join(", ");

/** Errors: USAGE for a data set that can't be trained on. */
export function checkClasses(manifest: Manifest): void {
  const { name, classes } = manifest;
  if (classes.length < 2) {
    throw refuse(`the data set ${name} has only the class ${quoted(classes)}; training needs at least two`);
  }
  const empty = classes.filter((_, index) => (manifest.counts.train[index] ?? 0) === 0);
  if (empty.length > 0) {
    throw refuse(`no training images in ${quoted(empty)}; add some or import ${name} again without it`);
  }
}

/** The run's label order: the data set's, or all of its classes in the order asked for. */
export function classesOf(asked: readonly string[] | undefined, { name, classes }: Manifest): string[] {
  if (asked === undefined) return [...classes];
  const unknown = asked.find((item) => !classes.includes(item));
  if (unknown !== undefined) {
    throw refuse(`--classes: ${name} has no class ${JSON.stringify(unknown)}${suggestion(unknown, classes)}`);
  }
  const missing = classes.filter((item) => !asked.includes(item));
  if (missing.length === 0) return [...asked];
  throw refuse(
    `--classes must name all classes of ${name}, and lacks ${quoted(missing)}; to leave one out, import again with --classes ${asked.join(",")}`,
  );
}

/** Parallel to the classes; `balanced` = images / (classes x images of the class), scikit-learn's rule. */
export function classWeightsOf(
  items: readonly string[] | undefined,
  classes: readonly string[],
  manifest: Manifest,
): number[] {
  if (items === undefined) return classes.map(() => 1);
  if (items.length === 1 && items[0] === "balanced") {
    const counts = manifest.counts.train;
    const total = counts.reduce((sum, count) => sum + count, 0);
    const images = (name: string) => counts[manifest.classes.indexOf(name)] ?? 0;
    return classes.map((name) => total / (classes.length * images(name)));
  }
  const given = new Map(items.map((item) => parseClassWeight(item, manifest)));
  if (given.size < items.length) throw refuse("--class-weight names a class more than once");
  return classes.map((name) => given.get(name) ?? 1);
}

function parseClassWeight(item: string, manifest: Manifest): [string, number] {
  const at = item.lastIndexOf("=");
  if (at < 1) throw refuse(`--class-weight must be CLASS=WEIGHT or balanced, not ${JSON.stringify(item)}`);
  const name = item.slice(0, at);
  if (!manifest.classes.includes(name)) {
    const near = suggestion(name, manifest.classes);
    throw refuse(`--class-weight: ${manifest.name} has no class ${JSON.stringify(name)}${near}`);
  }
  return [name, parseNumber({ origin: "--class-weight", text: item.slice(at + 1) }, { above: 0 })];
}
