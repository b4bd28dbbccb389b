#!/usr/bin/env node
/**
 * The one-shot service `secrets`: `make` draws what is missing and gives every reader its part; `show [--json]` tells a
 * person where to log in; `renew certificates` and `renew tokens` replace those while everything runs.
 */
import { spawnSync } from "node:child_process";
import { randomBytes, X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { distribute, keepOrMake, original, readOriginal, writeOriginal } from "./secret-files.mjs";

const roles = /** @type {const} */ (["worker", "operator", "viewer"]);
/** Certificates with less than this left are replaced at the next `docker compose up`. */
const renewalDays = 30;

/**
 * Standard output of Trainyard's own command line. What it refuses ends this.
 * @param {readonly string[]} words
 */
function trainyard(...words) {
  const { status, stdout, stderr } = spawnSync("trainyard", words, { encoding: "utf8" });
  if (status === 0) return stdout.trim();
  process.stderr.write(stderr);
  process.exit(status ?? 1);
}

function make() {
  keepOrMake("minio-user", () => `trainyard-${randomBytes(6).toString("hex")}`);
  keepOrMake("store-user", () => `coordinator-${randomBytes(6).toString("hex")}`);
  for (const name of ["minio-password", "store-password", "grafana-password"])
    keepOrMake(name, () => randomBytes(24).toString("base64url"));
  for (const role of roles) keepOrMake(`${role}-token`, () => makeToken(role));
  if (daysLeft() < renewalDays) makeCertificates();
  distribute();
}

/** @param {string} role */
const makeToken = (role) =>
  trainyard("tokens", "create", "--role", role, "--name", "compose", "--file", original("tokens.json"));

/** One CA for ever, and a certificate for each part, anew. */
const makeCertificates = () =>
  trainyard("certs", original("certs"), "--name", "coordinator", "--name", "localhost");

/** Of the certificates; 0 when there are none. */
function daysLeft() {
  if (!existsSync(original("certs/coordinator/tls.crt"))) return 0;
  const { validTo } = new X509Certificate(readOriginal("certs/coordinator/tls.crt"));
  return (Date.parse(validTo) - Date.now()) / 86_400_000;
}

function renewCertificates() {
  makeCertificates();
  distribute();
  console.log(
    `new certificates for ${Math.floor(daysLeft())} days; whoever runs takes them up within seconds`,
  );
}

/** The new ones first: nobody is without a valid one. */
function renewTokens() {
  const former = roles.map((role) => readOriginal(`${role}-token`));
  for (const role of roles) writeOriginal(`${role}-token`, makeToken(role));
  distribute();
  for (const token of former) trainyard("tokens", "revoke", token, "--file", original("tokens.json"));
  distribute();
  console.log(`new tokens for ${roles.join(", ")}; the former ones are revoked`);
}

/** Addresses are those of compose.yaml; a port that was chosen by a variable is another. */
function shown() {
  const of = (/** @type {string} */ variable, /** @type {number} */ port) => process.env[variable] ?? port;
  return {
    grafana: {
      url: `http://127.0.0.1:${of("GRAFANA_PORT", 3000)}`,
      user: "admin",
      password: readOriginal("grafana-password"),
    },
    page: {
      url: `https://127.0.0.1:${of("PAGE_PORT", 7080)}`,
      user: "viewer",
      password: readOriginal("viewer-token"),
    },
    minio: {
      url: `http://127.0.0.1:${of("MINIO_CONSOLE_PORT", 9001)}`,
      user: readOriginal("minio-user"),
      password: readOriginal("minio-password"),
    },
    operator: { token: readOriginal("operator-token") },
    certificateAuthority: `${readOriginal("certs/ca/ca.crt")}\n`,
  };
}

function show() {
  const { grafana, page, minio, operator, certificateAuthority } = shown();
  for (const [name, { url, user, password }] of Object.entries({ grafana, page, minio }))
    console.log(`${name.padEnd(9)} ${url.padEnd(24)} user ${user.padEnd(24)} password ${password}`);
  console.log(`operator's token  ${operator.token}\n${certificateAuthority}`);
}

const command = process.argv.slice(2).join(" ");
switch (command) {
  case "make":
    make();
    break;
  case "show":
    show();
    break;
  case "show --json":
    console.log(JSON.stringify(shown()));
    break;
  case "renew certificates":
    renewCertificates();
    break;
  case "renew tokens":
    renewTokens();
    break;
  default:
    console.error("usage: make | show [--json] | renew certificates | renew tokens");
    process.exitCode = 2;
}
