/** `--classes a,b`: which classes are imported, and in which label order. Without it: all, by name. */
import { TrainyardError } from "../../shared/errors.js";
import { normalName } from "../names.js";
import type { SkippedFiles } from "./folder-tree.js";
import type { ImageSource } from "./image-source.js";

/**
 * The source with its classes in label order; images of classes that are left out are counted in `skipped`.
 * @throws TrainyardError INPUT when a name is not in the source or comes twice, USAGE when fewer than two are left.
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
