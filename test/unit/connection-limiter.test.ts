/** Connections to an open port: unidentified ones never keep identified ones out, however many they are, and none stays for ever. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { ConnectionLimiter } from "../../shared/connection-limiter.js";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

async function open(unidentifiedMs = 60_000) {
  const connections = new ConnectionLimiter({ unidentified: 3, unidentifiedMs });
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    connections.accept(socket);
    accepted.push(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    connections.closeAll();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const come = async () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    closers.push(() => socket.destroy());
    const before = accepted.length;
    await once(socket, "connect");
    while (accepted.length === before) await new Promise((resolve) => setTimeout(resolve, 2));
    const there = accepted.at(-1) as Socket;
    return { there, gone: once(socket, "close"), isOpen: () => !there.destroyed };
  };
  return { connections, come };
}

it("a stranger too many sends the one away that came first, and no guest", async () => {
  const { connections, come } = await open();
  const guest = await come();
  connections.identify(guest.there);
  const strangers = [await come(), await come(), await come()];
  const last = await come();
  await strangers[0]?.gone;
  expect(strangers.map(({ isOpen }) => isOpen())).toEqual([false, true, true]);
  expect([guest.isOpen(), last.isOpen(), connections.unidentified]).toEqual([true, true, 3]);
});

it("a stranger is sent away after a while, a guest once it has nothing open any more", async () => {
  const { connections, come } = await open(50);
  const [stranger, guest] = [await come(), await come()];
  const leave = [connections.identify(guest.there), connections.identify(guest.there)];
  await stranger.gone;
  leave[0]?.();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(guest.isOpen()).toBe(true);
  leave[1]?.();
  await guest.gone;
});
