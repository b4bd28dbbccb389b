#!/usr/bin/env node
/**
 * A health check without curl: `node bin/health.mjs [--port N] [/path]` asks this very host (default port 7080,
 * /healthz) over https and, where that is no TLS, over http. Exit 0 when it answers with 2xx within 5 s, else 1.
 * The certificate is not verified: a loopback address leads nowhere else. Plain Node without a dependency.
 */
import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import { parseArgs } from "node:util";

const deadlineMs = 5_000;

function readCommandLine() {
  const { values, positionals } = parseArgs({
    options: { port: { type: "string", default: "7080" } },
    allowPositionals: true,
  });
  const [path = "/healthz", ...more] = positionals;
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535 || !path.startsWith("/") || more.length > 0)
    throw new Error("usage: node bin/health.mjs [--port N] [/path]");
  return { port, path };
}

/**
 * @param {typeof getHttp | typeof getHttps} get
 * @param {AbortSignal} signal
 * @returns {Promise<number>} the status code
 */
function ask(get, { port, path }, signal) {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, signal, rejectUnauthorized: false, agent: false };
    const request = get(options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.once("error", reject);
  });
}

try {
  const asked = readCommandLine();
  const signal = AbortSignal.timeout(deadlineMs);
  const status = await ask(getHttps, asked, signal).catch((error) => {
    if (signal.aborted || error.code === "ECONNREFUSED") throw error;
    return ask(getHttp, asked, signal);
  });
  if (status >= 200 && status < 300) process.exit(0);
  throw new Error(`it answers ${status}`);
} catch (error) {
  console.error(`not healthy: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
