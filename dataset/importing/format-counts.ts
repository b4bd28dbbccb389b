/** For the import's report: which formats the images have, and which files have the extension of another format. */
import type { ExaminedImage } from "./examine-images.js";

/** Groups of extensions that mean the same format. */
const families = [["jpg", "jpeg", "jpe", "jfif"], ["png"], ["gif"], ["webp"], ["tif", "tiff"], ["avif"]];

const familyOf = (extension: string) => families.find((family) => family.includes(extension));

/** The number of images in each format, as `{ jpg: 240, png: 4 }`. */
export function countFormats(examined: readonly ExaminedImage[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { extension } of examined) counts[extension] = (counts[extension] ?? 0) + 1;
  return counts;
}

/** A warning about files with the extension of another format, or null when there are none. They are imported all the same. */
export function misnamed(examined: readonly ExaminedImage[]): string | null {
  const wrong = examined.filter(({ image, extension }) => {
    const named = familyOf(/\.(\w+)$/.exec(image.source)?.[1]?.toLowerCase() ?? "");
    return named !== undefined && !named.includes(extension);
  });
  const first = wrong[0];
  if (first === undefined) return null;
  const rest = `first ${first.image.source}, which is ${first.extension.toUpperCase()}`;
  return `${wrong.length} of the images have the extension of another format and are read by content, ${rest}`;
}
