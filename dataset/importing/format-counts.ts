/** What formats the images really have, and which files' names say something else. For the import's report. */
import type { ExaminedImage } from "./examine-images.js";

/** Extensions that mean the format of the first one. */
const families = [["jpg", "jpeg", "jpe", "jfif"], ["png"], ["gif"], ["webp"], ["tif", "tiff"], ["avif"]];

const familyOf = (extension: string) => families.find((family) => family.includes(extension));

/** Images by format: `{ jpg: 240, png: 4 }`. */
export function countFormats(examined: readonly ExaminedImage[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { extension } of examined) counts[extension] = (counts[extension] ?? 0) + 1;
  return counts;
}

/** A sentence about files whose extension is another format's; null when there are none. They are used all the same. */
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
