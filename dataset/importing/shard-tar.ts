/**
 * Builds the bytes of a shard: a WebDataset tar whose members depend on the samples alone (no times, no owners), and the
 * offset of each image in it. Uses tar-stream; shard-writer.ts stores the result.
 */
import { pack } from "tar-stream";

/** A file in a tar. */
export interface TarMember {
  readonly name: string;
  readonly body: Uint8Array;
}

/** Size of a tar block. */
const blockBytes = 512;

/** The bytes that a member of `bytes` bytes takes in a tar: its header and its padded body. */
export const memberBytes = (bytes: number) => blockBytes + Math.ceil(bytes / blockBytes) * blockBytes;

/** Builds the tar of the members, in order; returns it with the offset of each member's body. */
export async function buildTar(members: readonly TarMember[]): Promise<{ tar: Buffer; offsets: number[] }> {
  const archive = pack();
  const offsets: number[] = [];
  let end = 0;
  for (const { name, body } of members) {
    const header = { name, size: body.length, mode: 0o644, uid: 0, gid: 0, mtime: new Date(0) };
    archive.entry(header, Buffer.from(body.buffer, body.byteOffset, body.byteLength));
    offsets.push(end + blockBytes);
    end += memberBytes(body.length);
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return { tar: Buffer.concat(chunks), offsets };
}

/** The name of a sample's member: `000123.jpg` for its image, `000123.cls` for its label. */
export const memberName = (sample: number, extension: string) =>
  `${String(sample).padStart(6, "0")}.${extension}`;
