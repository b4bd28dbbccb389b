/** Attacks by a peer that reaches the ports and has no credentials. */
import { setTimeout as sleep } from "node:timers/promises";
import * as grpc from "@grpc/grpc-js";
import { controlService, tensorMethods } from "../../shared/grpc/protocol.js";
import type { Attackers, Dice } from "./connections.js";
import { fuzzTimes } from "./connections.js";
import type { Attacked, Ports } from "./target.js";

export type Attack = (attacked: Attacked, attackers: Attackers, dice: Dice) => Promise<void>;

const every = ({ control, tensors, http }: Ports) => [control, ...tensors, http];
const times = (count: number) => Array.from({ length: count * fuzzTimes }, (_, index) => index);

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** An HTTP/2 frame; `length` may lie. */
function frame(type: number, flags: number, stream: number, body: Buffer, length = body.length): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, body]);
}

const [data, headers, reset, settings, ping, windowUpdate, continuation] = [0, 1, 3, 4, 6, 8, 9] as const;
const begun = Buffer.concat([preface, frame(settings, 0, 0, Buffer.alloc(0))]);
/** HPACK: POST, http, the path as a literal. */
const headerBlock = (path: string) =>
  Buffer.concat([Buffer.from([0x83, 0x86, 0x04, path.length]), Buffer.from(path)]);

async function randomBytes({ ports }: Attacked, attackers: Attackers, dice: Dice): Promise<void> {
  for (const port of every(ports)) {
    for (const _ of times(25)) {
      const socket = await attackers.send(port, dice.bytes(4_000));
      dice.pick([() => socket.end(), () => socket.destroy(), () => socket.resetAndDestroy()])();
    }
  }
}

async function randomFrames({ ports }: Attacked, attackers: Attackers, dice: Dice): Promise<void> {
  for (const port of every(ports)) {
    for (const _ of times(25)) {
      const frames = times(dice.below(20)).map(() =>
        frame(
          dice.below(12),
          dice.below(256),
          dice.below(9),
          dice.bytes(60),
          dice.pick([dice.below(80), 0xffffff]),
        ),
      );
      const socket = await attackers.send(port, Buffer.concat([dice.pick([preface, begun]), ...frames]));
      socket.end();
    }
  }
}

async function frameFloods({ ports }: Attacked, attackers: Attackers): Promise<void> {
  const block = headerBlock("/trainyard.v1.Tensors/Upload");
  const streams = times(1_500).map((index) => 2 * index + 1);
  const floods = [
    times(20_000).map(() => frame(ping, 0, 0, Buffer.alloc(8))),
    times(20_000).map(() => frame(settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 1]))),
    times(20_000).map(() => frame(windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1]))),
    streams.flatMap((id) => [frame(headers, 4, id, block), frame(reset, 0, id, Buffer.from([0, 0, 0, 8]))]),
    streams.map((id) => frame(headers, 4, id, block)),
    [
      frame(headers, 0, 1, block),
      ...times(5_000).map(() => frame(continuation, 0, 1, Buffer.alloc(200, 0x20))),
    ],
    [frame(headers, 4, 1, block), ...times(5_000).map(() => frame(data, 8, 1, Buffer.from([0])))],
  ];
  for (const port of [ports.control, ...ports.tensors]) {
    for (const flood of floods) (await attackers.send(port, Buffer.concat([begun, ...flood]))).destroy();
  }
}

/** What a message's prefix may claim. */
const prefixes = [
  Buffer.from([0, 0xff, 0xff, 0xff, 0xff]),
  Buffer.from([1, 0, 0, 0, 5]),
  Buffer.from([0, 0, 0x10, 0x20, 0]),
  Buffer.from([0, 0, 0]),
  Buffer.from([7, 0, 0, 0, 0]),
];

async function wrongMessages({ ports }: Attacked, attackers: Attackers, dice: Dice): Promise<void> {
  const { Upload, Weights } = tensorMethods();
  const paths = [Upload.path, Weights.path, "/trainyard.v1.Control/Join", "/x", "*", "/\udc00"];
  for (const port of [ports.control, ...ports.tensors]) {
    for (const _ of times(12)) {
      const session = attackers.http2(port);
      for (const _ of times(8)) {
        try {
          const stream = session.request(
            {
              ":method": dice.pick(["POST", "POST", "GET", "PUT", "HEAD", "OPTIONS"]),
              ":path": dice.pick(paths),
              "content-type": dice.pick(["application/grpc+proto", "application/grpc", "text/html", ""]),
              "grpc-encoding": dice.pick(["identity", "gzip", "deflate", "x"]),
              "grpc-timeout": dice.pick(["1S", "99999999H", "-1", "x"]),
              authorization: dice.pick(["", "Bearer x", `Bearer ${"x".repeat(8_000)}`, "Basic Og=="]),
            },
            { endStream: false },
          );
          stream.on("error", () => undefined);
          stream.resume();
          stream.write(Buffer.concat([dice.pick(prefixes), dice.bytes(300)]));
          if (dice.below(3) === 0) stream.close(dice.below(14));
        } catch {
          // A request that this machine's own HTTP/2 refuses to send.
        }
      }
      await sleep(20);
      if (dice.below(2) === 0) session.destroy();
    }
  }
}

async function httpRequests({ ports: { http } }: Attacked, attackers: Attackers, dice: Dice): Promise<void> {
  const hello = "Host: 127.0.0.1\r\n";
  const requests = [
    `GET /status HTTP/1.1\r\n${hello}X: ${"x".repeat(100_000)}\r\n\r\n`,
    `GET /${"x".repeat(100_000)} HTTP/1.1\r\n${hello}\r\n`,
    `POST /stop HTTP/1.1\r\n${hello}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /stop HTTP/1.1\r\n\r\n`,
    `POST /stop HTTP/1.1\r\n${hello}Content-Length: 999999999999\r\n\r\n`,
    `GET //[ HTTP/1.1\r\n${hello}\r\n`,
    `GET http://[::1:x/ HTTP/1.1\r\n${hello}\r\n`,
    `CONNECT 127.0.0.1:22 HTTP/1.1\r\n${hello}\r\n`,
    `GET /metrics HTTP/1.1\r\n${hello}Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n`,
    `GET /status HTTP/1.1\r\n${hello}Authorization: Basic ${"=".repeat(9_000)}\r\n\r\n`,
    `GET /status HTTP/1.1\r\n${hello}Expect: 100-continue\r\n\r\n`,
    "GET /\0 HTTP/1.1\r\n\r\n",
    "\r\n".repeat(10_000),
  ].map((text) => Buffer.from(text, "latin1"));
  for (const request of requests) (await attackers.send(http, request)).end();
  for (const _ of times(60))
    (await attackers.send(http, dice.spoiled(dice.pick(requests).subarray(0, 3_000)))).end();
  // Nobody reads the answers.
  const page = Buffer.from(`GET /healthz HTTP/1.1\r\n${hello}\r\n`.repeat(20_000));
  const reader = await attackers.socket(http);
  reader.pause();
  reader.write(page);
  // A body without an end.
  const sender = await attackers.send(
    http,
    Buffer.from(`POST /stop HTTP/1.1\r\n${hello}Content-Length: 99999999\r\n\r\n`),
  );
  for (const _ of times(20)) sender.write(Buffer.alloc(500_000));
  await sleep(300);
}

async function wrongTokens({ ports }: Attacked, attackers: Attackers, dice: Dice): Promise<void> {
  const Client = controlService();
  const client = new Client(`127.0.0.1:${ports.control}`, grpc.credentials.createInsecure());
  const join = client["join" as keyof grpc.Client] as unknown as (
    metadata: grpc.Metadata,
  ) => grpc.ClientDuplexStream<object, object>;
  for (const _ of times(40)) {
    const metadata = new grpc.Metadata();
    metadata.set(
      "authorization",
      dice.pick(["Bearer x", "Bearer", `Bearer ${"ab".repeat(3_000)}`, "Basic eDp4"]),
    );
    const call = join.call(client, metadata);
    call.on("error", () => undefined);
    call.resume();
    call.write({ run: "", generation: 0, hello: { worker: "honest" } });
  }
  for (const _ of times(40)) {
    const credentials = `Authorization: Bearer ${dice.below(1_000_000)}`;
    const request = `GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n${credentials}\r\n\r\n`;
    await attackers.send(ports.http, Buffer.from(request));
  }
  await sleep(500);
  client.close();
}

/** Left open for as long as the coordinator bears them: later attacks come on top. */
async function drips({ ports }: Attacked, attackers: Attackers): Promise<void> {
  const starts = [
    begun,
    Buffer.from("GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n"),
    Buffer.from([0x16, 3, 1, 2, 0]),
  ];
  for (const port of every(ports)) {
    for (const start of starts) {
      for (const _ of times(15)) void attackers.drip(port, Buffer.concat([start, Buffer.alloc(60)]), 1_000);
    }
  }
  await sleep(2_000);
}

async function connectionFloods({ ports }: Attacked, attackers: Attackers): Promise<void> {
  for (const port of every(ports)) await Promise.all(times(400).map(() => attackers.socket(port)));
  await sleep(500);
}

export const unidentified: readonly (readonly [string, Attack])[] = [
  ["random bytes", randomBytes],
  ["HTTP/2 and then random frames", randomFrames],
  ["floods of pings, settings, resets, streams, headers and empty data", frameFloods],
  ["messages that claim 4 GiB, are compressed, cut off or for nobody", wrongMessages],
  ["HTTP requests that are too long, ambiguous, endless or unread", httpRequests],
  ["tokens that are none", wrongTokens],
  ["a byte a second on many connections, left open", drips],
  ["hundreds of connections, left open", connectionFloods],
];
