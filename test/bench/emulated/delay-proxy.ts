/**
 * A long road: what comes in goes out a set time later, in both directions, as fast as it came.
 *   node delay-proxy.js PORT DELAY_MS → its port, as a message
 */
import { connect, createServer, type Socket } from "node:net";

const [target, delayText] = process.argv.slice(2);
const delayMs = Number(delayText);
/** A link of 10 Gbit/s holds less than this within 20 ms. */
const mostBytes = 64 << 20;

function delay(from: Socket, to: Socket): void {
  const queue: { readonly atMs: number; readonly data: Buffer }[] = [];
  let held = 0;
  let isWaiting = false;
  const wait = (ms: number) => {
    if (isWaiting) return;
    isWaiting = true;
    if (ms > 0) setTimeout(release, ms);
    else setImmediate(release);
  };
  const release = () => {
    isWaiting = false;
    const nowMs = performance.now();
    while (queue[0] !== undefined && queue[0].atMs <= nowMs) {
      const { data } = queue.shift() as { data: Buffer };
      held -= data.length;
      to.write(data);
    }
    if (held < mostBytes) from.resume();
    const next = queue[0];
    if (next !== undefined) wait(next.atMs - nowMs);
  };
  from.on("data", (data) => {
    queue.push({ atMs: performance.now() + delayMs, data });
    held += data.length;
    if (held >= mostBytes) from.pause();
    wait(delayMs);
  });
  from.on("close", () => setTimeout(() => to.destroy(), delayMs));
  from.on("error", () => undefined);
}

const server = createServer({ noDelay: true }, (near) => {
  const far = connect({ port: Number(target), host: "127.0.0.1", noDelay: true });
  delay(near, far);
  delay(far, near);
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as { port: number }).port));
