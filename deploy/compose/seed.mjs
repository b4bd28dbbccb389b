#!/usr/bin/env node
/**
 * The service `seed`: imports the digits, hands in a run of them, follows it to its end, and then stands, so that
 * `docker compose up --wait` waits for the run. Started again it finds all of that done.
 */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";

/** The run's settings are TRAINYARD_ variables of the service. */
const run = process.env["TRAINYARD_RUN"] ?? "digits-1";
/** What the health check looks for. */
const finishedFile = "/tmp/finished";

/**
 * @param {readonly string[]} words
 * @returns {Promise<void>} when it has succeeded; the process leaves with its exit code when it has not
 */
function trainyard(words) {
  const child = spawn("trainyard", words, { stdio: "inherit" });
  const stop = () => child.kill("SIGTERM");
  process.once("SIGTERM", stop);
  return new Promise((resolve) => {
    child.once("exit", (code) => {
      process.off("SIGTERM", stop);
      if (code === 0) resolve();
      else process.exit(code ?? 1);
    });
  });
}

await trainyard(["import", "/opt/digits", "--name", "digits"]);
await trainyard(["submit", "digits"]);
await trainyard(["runs", "follow", run]);
writeFileSync(finishedFile, "");
console.log(`run ${run} has finished: docker compose run --rm cli runs show ${run}`);
process.once("SIGTERM", () => process.exit(0));
setInterval(() => undefined, 0x7fffffff);
