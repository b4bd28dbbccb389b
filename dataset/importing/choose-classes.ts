/** The option `--classes a,b`: which classes are imported, and their label order. Without it, all classes, by name. */
import { TrainyardError } from "../../shared/errors.js";
import { normalName } from "../names.js";
import type { SkippedFiles } from "./folder-tree.js";
import type { ImageSource } from "./image-source.js";

/**
 * Returns the source with only the chosen classes, in label order. Images of the other classes are counted in `skipped`.
 * @throws TrainyardError INPUT when a name is not in the source, USAGE when a name comes twice or fewer than two are given.
 */
export function chooseClasses(
  source: ImageSource,
  chosen: readonly string[] | null,
  skipped: SkippedFiles,
): ImageSource {
  if (chosen === null) return source;
  const classes = chosen.map(normalName);
  check(classes, source);
  const images = source.images.filter(({ className }) => classes.includes(className));
  const leftOut = source.images.length - images.length;
  if (leftOut > 0) skipped.ignored.set("class left out by --classes", leftOut);
  return { ...source, classes, images };
}

function check(classes: readonly string[], source: ImageSource): void {
  const missing = classes.filter((name) => !source.classes.includes(name));
  if (missing.length > 0) {
    const has = `${source.classes.slice(0, 20).join(", ")}${source.classes.length > 20 ? ", …" : ""}`;
    const message = `--classes names ${missing.map((name) => `"${name}"`).join(", ")}, which is not there; there are: ${has}`;
    throw new TrainyardError("INPUT", message);
  }
  const twice = classes.find((name, index) => classes.indexOf(name) !== index);
  if (twice !== undefined) throw new TrainyardError("USAGE", `--classes names "${twice}" twice`);
  if (classes.length < 2) throw new TrainyardError("USAGE", "--classes must name two classes or more");
}
