/**
 * The store of one machine: a folder whose files are the objects, named as their keys are, so that every tool can
 * open them. A put writes a temporary file below `.writing`, syncs it and renames it, so a reader sees the whole
 * object or none; a conditional put links it instead, which fails where the name exists. Two limits that S3 lacks:
 * a key can't be an object and a folder of objects at once, and the folder `.writing` is reserved.
 */
import { randomUUID } from "node:crypto";
import {
  constants,
  type FileHandle,
  link,
  open,
  rename,
  rmdir,
  stat,
  statfs,
  unlink,
} from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { TrainyardError } from "../errors.js";
import { throwIfAborted } from "../retry.js";
import { bodyChunks, streamChunkBytes } from "./body.js";
import { folderError, isMissing, systemCode } from "./folder-errors.js";
import { makeFolder, removeAbandoned, walk, writingFolder } from "./folder-tree.js";
import { checkKey, checkPrefix, checkRange, quote } from "./keys.js";
import type {
  GetOptions,
  ObjectInfo,
  ObjectStore,
  OpenOptions,
  PutOptions,
  SizedStream,
} from "./object-store.js";

/** An object store in a folder of the file system. */
export class FolderStore implements ObjectStore {
  readonly url: string;
  readonly #root: string;

  /** `path` relative to the working directory. */
  constructor(path: string) {
    this.url = `file:${path}`;
    this.#root = resolve(path);
  }

  /** Errors: NOT_FOUND when no folder is there to read or write; USAGE when a file is in the way; STORE_DENIED, STORE_FULL. */
  async open({ purpose = "create", signal }: OpenOptions = {}): Promise<void> {
    throwIfAborted(signal, `opening ${this.url}`);
    try {
      if (purpose !== "create") await this.#mustExist();
      if (purpose === "write" || purpose === "create") await this.#tryWriting();
    } catch (error) {
      if (["EEXIST", "ENOTDIR"].includes(systemCode(error))) {
        const message = `the store ${this.url} is not a folder but a file; give the path of a folder`;
        throw new TrainyardError("USAGE", message, { cause: error });
      }
      throw folderError(this.url, "can't open", "", error);
    }
  }

  async put(key: string, body: Uint8Array | SizedStream, options: PutOptions = {}): Promise<void> {
    const path = this.#path(key);
    throwIfAborted(options.signal, `writing ${quote(key)}`);
    try {
      const temporary = await this.#writeTemporary(key, body, options.signal);
      try {
        await place(temporary, path, options.ifNoneMatch === true);
      } finally {
        await unlink(temporary).catch(() => undefined);
      }
      await syncFolder(dirname(path));
    } catch (error) {
      if (systemCode(error) === "EEXIST" && options.ifNoneMatch) throw this.#exists(key, error);
      throw folderError(this.url, "can't write", key, error);
    }
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    return this.#withFile(key, options, async (file, begin, end) => {
      const bytes = new Uint8Array(end - begin);
      for (let done = 0; done < bytes.length; ) {
        throwIfAborted(options.signal, `reading ${quote(key)}`);
        const { bytesRead } = await file.read(bytes, done, readBytes(bytes.length - done), begin + done);
        if (bytesRead === 0) throw shrunk(key);
        done += bytesRead;
      }
      return bytes;
    });
  }

  async *stream(key: string, options: GetOptions = {}): AsyncGenerator<Uint8Array> {
    const { file, begin, end } = await this.#openFile(key, options);
    try {
      for (let at = begin; at < end; ) {
        throwIfAborted(options.signal, `reading ${quote(key)}`);
        const chunk = new Uint8Array(Math.min(streamChunkBytes, end - at));
        const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
        if (bytesRead === 0) throw shrunk(key);
        at += bytesRead;
        yield chunk.subarray(0, bytesRead);
      }
    } catch (error) {
      throw folderError(this.url, "can't read", key, error);
    } finally {
      await file.close();
    }
  }

  async freeBytes(): Promise<number> {
    try {
      const { bavail, bsize } = await statfs(this.#root);
      return bavail * bsize;
    } catch (error) {
      throw folderError(this.url, "can't ask for the free space", "", error);
    }
  }

  async stat(key: string, options: { signal?: AbortSignal } = {}): Promise<ObjectInfo | null> {
    const path = this.#path(key);
    throwIfAborted(options.signal, `looking up ${quote(key)}`);
    try {
      const found = await stat(path);
      return found.isFile() ? { key, bytes: found.size } : null;
    } catch (error) {
      if (isMissing(error)) return null;
      throw folderError(this.url, "can't look up", key, error);
    }
  }

  async *list(prefix: string, options: { signal?: AbortSignal } = {}): AsyncGenerator<ObjectInfo> {
    checkPrefix(prefix);
    try {
      yield* walk(this.#root, prefix, options.signal);
    } catch (error) {
      throw folderError(this.url, "can't list", prefix, error);
    }
  }

  /** Folders that become empty go too, so that a deleted run leaves nothing behind. */
  async delete(key: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    const path = this.#path(key);
    throwIfAborted(options.signal, `deleting ${quote(key)}`);
    try {
      if ((await this.stat(key)) === null) return;
      await unlink(path);
    } catch (error) {
      if (isMissing(error)) return;
      throw folderError(this.url, "can't delete", key, error);
    }
    await removeEmptyFolders(dirname(path), this.#root);
  }

  #path(key: string): string {
    checkKey(key);
    if (key.split("/", 1)[0] === writingFolder) {
      throw new TrainyardError(
        "USAGE",
        `the key ${quote(key)} is reserved: unfinished writes lie in that folder`,
      );
    }
    return join(this.#root, key);
  }

  async #mustExist(): Promise<void> {
    const found = await stat(this.#root).catch((error: unknown) => {
      if (systemCode(error) === "ENOENT") return null;
      throw error;
    });
    if (found?.isDirectory() === false) throw Object.assign(new Error("is a file"), { code: "ENOTDIR" });
    if (found !== null) return;
    throw new TrainyardError(
      "NOT_FOUND",
      `there is no store at ${this.url}; check --store, or import a data set first`,
    );
  }

  /** Removes what killed writers left, and writes a byte that does not stay. */
  async #tryWriting(): Promise<void> {
    await makeFolder(join(this.#root, writingFolder));
    await removeAbandoned(this.#root);
    await unlink(await this.#writeTemporary("", new Uint8Array(1)));
  }

  /** The whole body, synced to the disk, under a name of its own; nothing stays when it fails. */
  async #writeTemporary(key: string, body: Uint8Array | SizedStream, signal?: AbortSignal): Promise<string> {
    const path = join(this.#root, writingFolder, randomUUID());
    const file = await intoFolder(dirname(path), () => open(path, "wx"));
    try {
      for await (const chunk of bodyChunks(key, body)) {
        throwIfAborted(signal, `writing ${quote(key)}`);
        await file.writeFile(chunk);
      }
      await file.sync();
    } catch (error) {
      await file.close().catch(() => undefined);
      await unlink(path).catch(() => undefined);
      throw error;
    }
    await file.close();
    return path;
  }

  async #openFile(key: string, options: GetOptions) {
    const path = this.#path(key);
    checkRange(options.range);
    throwIfAborted(options.signal, `reading ${quote(key)}`);
    let file: FileHandle | undefined;
    try {
      file = await open(path, constants.O_RDONLY);
      const found = await file.stat();
      if (!found.isFile()) throw this.#missing(key);
      const end = Math.min(found.size, options.range?.end ?? found.size);
      return { file, begin: Math.min(end, options.range?.begin ?? 0), end };
    } catch (error) {
      await file?.close();
      if (isMissing(error)) throw this.#missing(key, error);
      throw folderError(this.url, "can't read", key, error);
    }
  }

  async #withFile<T>(
    key: string,
    options: GetOptions,
    read: (file: FileHandle, begin: number, end: number) => Promise<T>,
  ): Promise<T> {
    const { file, begin, end } = await this.#openFile(key, options);
    try {
      return await read(file, begin, end);
    } catch (error) {
      throw folderError(this.url, "can't read", key, error);
    } finally {
      await file.close();
    }
  }

  #missing(key: string, cause?: unknown): TrainyardError {
    const fields = { store: this.url, key };
    return new TrainyardError("NOT_FOUND", `there is no object ${quote(key)} in the store ${this.url}`, {
      cause,
      fields,
    });
  }

  #exists(key: string, cause: unknown): TrainyardError {
    const fields = { store: this.url, key };
    const message = `the object ${quote(key)} is already in the store ${this.url}`;
    return new TrainyardError("ALREADY_EXISTS", message, { cause, fields });
  }
}

/** Node reads at most 2 GiB at once; a smaller bound also lets an abort through. */
const readBytes = (wanted: number) => Math.min(wanted, 64 * 1024 * 1024);

function shrunk(key: string): TrainyardError {
  return new TrainyardError("DAMAGED", `the file of ${quote(key)} became shorter while it was read`);
}

/** Gives the finished file its name. EEXIST is left to mean that an object has it: a folder in the way is EISDIR. */
async function place(temporary: string, path: string, isExclusive: boolean): Promise<void> {
  try {
    await intoFolder(dirname(path), () => (isExclusive ? link(temporary, path) : rename(temporary, path)));
  } catch (error) {
    const inTheWay = systemCode(error) === "EEXIST" ? await stat(path).catch(() => null) : null;
    throw inTheWay?.isDirectory() ? Object.assign(new Error("is a folder"), { code: "EISDIR" }) : error;
  }
}

/** Makes the folder first and, since a delete elsewhere may remove it while empty, again before a repeat. */
async function intoFolder<T>(folder: string, act: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    await makeFolder(folder).catch((error: unknown) => {
      if (systemCode(error) !== "EEXIST") throw error;
      throw Object.assign(new Error("a parent is a file"), { code: "ENOTDIR" });
    });
    try {
      return await act();
    } catch (error) {
      if (systemCode(error) !== "ENOENT" || attempt === 10) throw error;
    }
  }
}

/** Makes a rename survive a power cut. A folder that a delete removed meanwhile needs none. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  try {
    await handle?.sync();
  } finally {
    await handle?.close();
  }
}

/** Upwards from `folder`, never the root itself; stops at the first that is not empty. */
async function removeEmptyFolders(folder: string, root: string): Promise<void> {
  for (let at = folder; at !== root && at.startsWith(root); at = dirname(at)) {
    try {
      await rmdir(at);
    } catch {
      return;
    }
  }
}
