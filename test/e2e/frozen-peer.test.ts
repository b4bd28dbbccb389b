/**
 * A worker's process that freezes in the middle of its weights, is cut off, and wakes: the slice's thread goes on. Node's
 * HTTP/2 can be brought to a loop in native code here, which no timer ends and which takes all memory.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";

const file = (name: string) => resolve("test/support/frozen-peer", name);
const connections = 20;
/** It answers in milliseconds, unless its thread hangs. */
const answerMs = 60_000;

let server: ChildProcess;
let lines: AsyncIterator<string>;
let port = "";

async function nextLine(): Promise<string> {
  const late = sleep(answerMs).then(() => null);
  const line = await Promise.race([lines.next(), late]);
  if (line === null || line.done === true) throw new Error("the server does not answer any more");
  return line.value;
}

async function ask(word: string): Promise<{ readonly calls: number; readonly megabytes: number }> {
  server.stdin?.write(`${word}\n`);
  return JSON.parse(await nextLine());
}

beforeAll(async () => {
  server = spawn(process.execPath, [file("server.mjs")], { stdio: ["pipe", "pipe", "inherit"] });
  lines = createInterface(server.stdout as NodeJS.ReadableStream)[Symbol.asyncIterator]();
  port = await nextLine();
});
afterAll(() => server.kill("SIGKILL"));

it("is cut off and forgotten, again and again, and the slice answers", async () => {
  for (let round = 0; round < 4; round += 1) {
    const client = spawn(process.execPath, [file("client.mjs"), port, `${connections}`], {
      stdio: "inherit",
    });
    const end = once(client, "exit");
    let begun = 0;
    for (let waitedMs = 0; begun < 2 * connections; waitedMs += 50) {
      if (waitedMs > answerMs) throw new Error(`${begun} of ${2 * connections} calls began`);
      await sleep(50);
      begun = (await ask("count")).calls;
    }
    client.kill("SIGSTOP");
    await sleep(400);
    await ask("cut");
    await sleep(400);
    client.kill("SIGCONT");
    await end;
    expect(await ask("count")).toMatchObject({ calls: 0 });
  }
  expect((await ask("count")).megabytes).toBeLessThan(2_000);
}, 300_000);
