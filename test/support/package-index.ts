/**
 * A Python package index on loopback with one small wheel shaped like TensorFlow's, for tests of the set-up:
 * real pip downloads from it. Counts downloads, and can stop in the middle of one or serve other bytes.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Platform } from "../../engine/native/setup/platform.mjs";

const wheelName = "tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl";

/** Arguments: the wheel's path. Half-random content, so that its size on the wire is a few megabytes. */
const makeWheel = `
import random, sys, zipfile
bytes_of = random.Random(7).randbytes
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("tensorflow/libtensorflow_cc.so.2", bytes_of(3_000_000))
    wheel.writestr("tensorflow/libtensorflow_framework.so.2", bytes_of(200_000))
    wheel.writestr("tensorflow/include/tensorflow/c/c_api.h", "// C")
    wheel.writestr("tensorflow/include/unsupported/Eigen/big.h", "// not needed")
    wheel.writestr("tensorflow/python/framework.py", "# not needed")
    about = "tensorflow_cpu-2.21.0.dist-info/"
    wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\\nName: tensorflow-cpu\\nVersion: 2.21.0\\n")
    wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: cp311-cp311-manylinux_2_27_x86_64\\n")
    wheel.writestr(about + "RECORD", "")
`;

export class PackageIndex {
  /** Wheel downloads begun. */
  downloads = 0;
  /** Stops each download half-way and leaves it hanging. */
  isStalling = false;
  /** Serves a wheel of another content, with the checksum that fits that. */
  isTampered = false;
  /** Answers a Range with the whole file. */
  ignoresRanges = false;
  /** Gives the wheel to pip only. */
  isForPipOnly = false;
  /** Cuts the connection in the middle of this many downloads. */
  cuts = 0;
  /** The Range of each download; undefined: the whole file was asked for. */
  readonly ranges: (string | undefined)[] = [];
  readonly wheel: Buffer;
  readonly #server: Server;
  #onStall: () => void = () => undefined;

  private constructor(wheel: Buffer) {
    this.wheel = wheel;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(folder: string): Promise<PackageIndex> {
    const path = join(folder, wheelName);
    execFileSync("python3", ["-c", makeWheel, path]);
    const index = new PackageIndex(readFileSync(path));
    await new Promise<void>((resolve) => index.#server.listen(0, "127.0.0.1", resolve));
    return index;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/simple`;
  }

  /** What the set-up would have pinned for this wheel. */
  get platform(): Platform {
    const sha256 = sha256Of(this.wheel);
    const wheel = {
      distribution: "tensorflow-cpu",
      version: "2.21.0",
      file: wheelName,
      sha256,
      bytes: this.wheel.length,
      installedBytes: 3_200_000,
    };
    return { name: "linux-x64", build: "cpu", wheel };
  }

  /** Resolves when half a wheel has been sent and the rest is held back. */
  stalled(): Promise<void> {
    this.isStalling = true;
    return new Promise((resolve) => {
      this.#onStall = resolve;
    });
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const wheel = this.isTampered ? altered(this.wheel) : this.wheel;
    if (!request.url?.endsWith(".whl")) {
      response.setHeader("content-type", "text/html");
      response.end(`<!DOCTYPE html><a href="/files/${wheelName}#sha256=${sha256Of(wheel)}">${wheelName}</a>`);
      return;
    }
    if (this.isForPipOnly && !request.headers["user-agent"]?.startsWith("pip/")) {
      response.writeHead(403).end();
      return;
    }
    this.downloads += 1;
    this.ranges.push(request.headers.range);
    this.#send(wheel, this.ignoresRanges ? undefined : request.headers.range, response);
  }

  #send(wheel: Buffer, range: string | undefined, response: ServerResponse): void {
    const begin = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const rest = wheel.subarray(begin);
    const place = `bytes ${begin}-${wheel.length - 1}/${wheel.length}`;
    response.writeHead(range === undefined ? 200 : 206, {
      "content-type": "application/zip",
      "content-length": rest.length,
      ...(range === undefined ? {} : { "content-range": place }),
    });
    const isCut = this.cuts > 0;
    if (!isCut && !this.isStalling) return void response.end(rest);
    if (isCut) this.cuts -= 1;
    response.write(rest.subarray(0, rest.length / 2), () =>
      isCut ? response.socket?.end() : this.#onStall(),
    );
  }
}

/** The same length, one bit of the library different. */
function altered(wheel: Buffer): Buffer {
  const other = Buffer.from(wheel);
  other[1_000_000] = (other[1_000_000] ?? 0) ^ 1;
  return other;
}

function sha256Of(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
