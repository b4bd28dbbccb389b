/** Ports of this machine that programs without a "port 0" are told to use. */
import { createServer } from "node:net";

/** One whose successor is free, too, for now: from where the system hands none out by itself. */
export async function freePort(): Promise<number> {
  for (let port = 21_000 + 2 * Math.floor(Math.random() * 2_000); ; port += 2) {
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const server = createServer();
    server.once("error", () => answer(false));
    server.listen(port, "127.0.0.1", () => server.close(() => answer(true)));
  });
}
