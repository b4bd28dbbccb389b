/**
 * Checks the size of a worker's message before it is decoded: each number of a list costs one byte or more on the wire
 * and hundreds of bytes in memory. Only a layout and a lane's statistics may be large, and neither is a list.
 */
import { TrainyardError } from "../errors.js";
import { limits } from "../limits.js";

/** Protobuf's wire types. */
const [varint, fixed64, delimited, fixed32] = [0, 1, 2, 5] as const;

/**
 * A deserialiser that throws REFUSED for a message that is too large, before anything of it is decoded. `large`: the numbers
 * of the fields that may be large; all other fields together may take `limits.controlBytes`.
 */
export function sizeGuarded<Message>(
  deserialize: (bytes: Buffer) => Message,
  large: readonly number[],
): (bytes: Buffer) => Message {
  return (bytes) => {
    const small = bytes.length - sizeOf(bytes, large);
    if (small <= limits.controlBytes) return deserialize(bytes);
    throw new TrainyardError(
      "REFUSED",
      `a control message of ${small} bytes; at most ${limits.controlBytes}`,
    );
  };
}

/** Bytes of the fields with these numbers, at the message's outermost level. */
function sizeOf(bytes: Buffer, numbers: readonly number[]): number {
  let size = 0;
  for (let at = 0; at < bytes.length; ) {
    const [tag, begin] = readVarint(bytes, at);
    const end = endOfField(bytes, begin, tag % 8);
    if (numbers.includes(Math.floor(tag / 8))) size += end - begin;
    at = end;
  }
  return size;
}

function endOfField(bytes: Buffer, begin: number, wireType: number): number {
  const end = () => {
    switch (wireType) {
      case varint:
        return readVarint(bytes, begin)[1];
      case fixed64:
        return begin + 8;
      case delimited: {
        const [length, from] = readVarint(bytes, begin);
        return from + length;
      }
      case fixed32:
        return begin + 4;
      default:
        throw broken();
    }
  };
  const at = end();
  if (at > bytes.length) throw broken();
  return at;
}

/** The number, and where what follows begins. Beyond 2^53 it is not exact, and too large either way. */
function readVarint(bytes: Buffer, from: number): [value: number, end: number] {
  let [value, factor] = [0, 1];
  for (let at = from; at < Math.min(bytes.length, from + 10); at += 1) {
    const byte = bytes[at] as number;
    value += (byte & 127) * factor;
    if (byte < 128) return [value, at + 1];
    factor *= 128;
  }
  throw broken();
}

const broken = () => new TrainyardError("REFUSED", "bytes that are no control message");
