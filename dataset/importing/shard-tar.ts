/**
 * A shard's bytes: a WebDataset tar whose members depend on the samples alone (no times, no owners), and the offset
 * of each image in it. Written through tar-stream; storing it is the import's business.
 */
import { pack } from "tar-stream";

export interface TarMember {
  readonly name: string;
  readonly body: Uint8Array;
}

/** A tar block. */
const blockBytes = 512;

/** What a member of `bytes` bytes takes in the tar: its header and its padded body. */
export const memberBytes = (bytes: number) => blockBytes + Math.ceil(bytes / blockBytes) * blockBytes;

/** The tar of the members in order, and the offset of each body in it. */
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

/** `000123.jpg`: a sample's member; with the extension "cls" its label. */
export const memberName = (sample: number, extension: string) =>
  `${String(sample).padStart(6, "0")}.${extension}`;
