/** Durations, sizes and shares as people read them. */

/** `45 s`, `2m 05s`, `3h 07m`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
}

/** `512 KiB`, `12.3 MiB`, `4.0 GiB`. */
export function sizeInWords(bytes: number): string {
  const kib = bytes / 1024;
  if (kib < 1024) return `${Math.ceil(kib)} KiB`;
  return kib < 1024 ** 2 ? `${(kib / 1024).toFixed(1)} MiB` : `${(kib / 1024 ** 2).toFixed(1)} GiB`;
}

type Measured = number | null | undefined;

/** None, and what is not finite, is a dash: never a number that was not measured. */
const orDash = (value: Measured, write: (value: number) => string): string =>
  value === null || value === undefined || !Number.isFinite(value) ? "–" : write(value);

/** A share as a percentage with two digits: neighbours among ten thousand images stay apart. */
export const percent = (share: Measured) => orDash(share, (value) => `${(value * 100).toFixed(2)} %`);

/** A loss with four digits. */
export const decimals = (loss: Measured) => orDash(loss, (value) => value.toFixed(4));

/** A number without digits after the point. */
export const whole = (measured: Measured) => orDash(measured, (value) => value.toFixed(0));
