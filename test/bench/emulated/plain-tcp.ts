/**
 * The bound: the same bytes through plain TCP sockets of Node between two processes. Each worker's socket carries the
 * vector up; when all are there, each gets it back; that is a step.
 *   node plain-tcp.js sink WORKERS BYTES · node plain-tcp.js send WORKERS BYTES PORT STEPS
 */
import { connect, createServer, type Socket } from "node:net";

const [role, workersText, bytesText, portText, stepsText] = process.argv.slice(2);
const workers = Number(workersText);
const bytes = Number(bytesText);
const chunk = Buffer.alloc(1 << 20, 1);

async function sendVector(socket: Socket): Promise<void> {
  for (let left = bytes; left > 0; left -= chunk.length) {
    if (!socket.write(left >= chunk.length ? chunk : chunk.subarray(0, left))) {
      await new Promise((resolve) => socket.once("drain", resolve));
    }
  }
}

/** Calls back each time that a whole vector came. */
function onVectors(socket: Socket, take: () => void): void {
  let received = 0;
  socket.on("data", (data) => {
    received += data.length;
    while (received >= bytes) {
      received -= bytes;
      take();
    }
  });
}

function sink(): void {
  const sockets: Socket[] = [];
  let whole = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    onVectors(socket, () => {
      whole += 1;
      if (whole < workers) return;
      whole = 0;
      for (const one of sockets) void sendVector(one);
    });
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as { port: number }).port));
}

async function send(): Promise<void> {
  const steps = Number(stepsText);
  const times: number[] = [];
  let back = 0;
  let isBack: () => void = () => undefined;
  const sockets = await Promise.all(
    Array.from({ length: workers }, async () => {
      const socket = connect({ port: Number(portText), host: "127.0.0.1", noDelay: true });
      await new Promise((resolve) => socket.once("connect", resolve));
      onVectors(socket, () => {
        back += 1;
        if (back === workers) isBack();
      });
      return socket;
    }),
  );
  for (let step = 0; step < steps; step += 1) {
    const startMs = performance.now();
    back = 0;
    const returned = new Promise<void>((resolve) => {
      isBack = resolve;
    });
    for (const socket of sockets) void sendVector(socket);
    await returned;
    times.push((performance.now() - startMs) / 1000);
  }
  process.send?.(times);
  for (const socket of sockets) socket.destroy();
  process.disconnect?.();
}

if (role === "sink") sink();
else await send();
