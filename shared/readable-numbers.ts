/** Durations and shares as people read them. */

/** `45 s`, `2m 05s`, `3h 07m`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
}

/** A share as a percentage with two digits: neighbours among ten thousand images stay apart. */
export const percent = (share: number | null | undefined) =>
  share === null || share === undefined ? "–" : `${(share * 100).toFixed(2)} %`;

/** A loss with four digits. */
export const decimals = (value: number | null | undefined) =>
  value === null || value === undefined ? "–" : value.toFixed(4);
