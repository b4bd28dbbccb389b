/** A link as users write it: `1Gbit`, `100Mbit`, or megabytes per second as a number. */
import { TrainyardError } from "../shared/errors.js";

const written = /^(\d+\.?\d*|\.\d+)\s*(gbit|mbit|gbit\/s|mbit\/s|mb\/s)?$/i;

/** Share of a line rate that is left for data after Ethernet, IP and TCP headers: 1,448 of 1,538 bytes of a full frame. */
const payloadShare = 1448 / 1538;

/** Bytes per second that TCP can carry, and the name to print. Errors: USAGE. */
export function parseLink(text: string): { bytesPerSecond: number; name: string } {
  const match = written.exec(text.trim());
  const amount = Number(match?.[1]);
  if (match === null || !(amount > 0)) {
    throw new TrainyardError(
      "USAGE",
      `--link must be as 1Gbit, 100Mbit, or megabytes per second as 110, not ${JSON.stringify(text)}`,
    );
  }
  const unit = (match[2] ?? "MB/s").toLowerCase().replace("/s", "");
  if (unit === "mb") return { bytesPerSecond: amount * 1e6, name: `${amount} MB/s` };
  const bits = unit === "gbit" ? 1e9 : 1e6;
  const name = `${amount} ${unit === "gbit" ? "Gbit/s" : "Mbit/s"}`;
  return { bytesPerSecond: ((amount * bits) / 8) * payloadShare, name };
}
