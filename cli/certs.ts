/** `trainyard certs`: a CA of one's own, and a certificate for each part of a cluster, for `--tls`. */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { join } from "node:path";
import { TrainyardError } from "../shared/errors.js";
import type { KeyPair } from "../shared/security/tls-files.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import {
  formerHosts,
  type Part,
  parts,
  readAuthority,
  wishOf,
  writeAuthority,
  writePart,
} from "./certificates/parts.js";
import { defineCommand } from "./command.js";

type CertsFlags = FlagsOf<typeof commandSettings.certs>;

/** How long the CA is valid: longer than any cluster is left alone. */
const authorityDays = 3_650;

export const command = defineCommand({
  name: "certs",
  describe: "Make a CA and certificates for TLS, or renew the certificates",
  settings: commandSettings.certs,
  examples: [
    ["$0 certs certs --name train-1 10.0.0.5", "Certificates for a coordinator on train-1"],
    ["$0 certs certs", "Renew them: same CA, same names; running servers take them up by themselves"],
    ["$0 coordinator --tls certs/coordinator --host 0.0.0.0", "Listen with them"],
  ],
  epilogue:
    "ca/ca.key signs certificates for every role: keep it off the machines that train. Each other folder is what --tls takes.",
  run: (flags) => makeCertificates(flags),
});

interface Made {
  readonly part: Part;
  readonly folder: string;
  readonly hosts: readonly string[];
  readonly until: string;
}

async function makeCertificates({ folder, name, days, json }: CertsFlags): Promise<void> {
  const hosts = name ?? formerHosts(folder);
  for (const host of hosts) checkHost(host);
  const { authority, isNew } = await findAuthority(folder);
  const made: Made[] = [];
  for (const part of parts) made.push(await makePart(part, authority, { folder, hosts, days }));
  if (json)
    process.stdout.write(`${JSON.stringify({ ca: join(folder, "ca"), isNew, certificates: made })}\n`);
  else
    process.stdout.write(
      `${isNew ? "a new CA" : "the CA as before"} in ${join(folder, "ca")}\n${tableOf(made)}`,
    );
  if (hosts.length === 0) {
    process.stderr.write(
      "the coordinator is known as localhost only: --name HOST adds what others reach it by\n",
    );
  }
}

/** The library is loaded only when it is needed. */
async function findAuthority(folder: string): Promise<{ authority: KeyPair; isNew: boolean }> {
  const there = readAuthority(folder);
  if (there !== null) return { authority: there, isNew: false };
  const { makeAuthority } = await import("./certificates/issue.js");
  const authority = await makeAuthority("trainyard", authorityDays);
  writeAuthority(folder, authority);
  return { authority, isNew: true };
}

interface Wanted {
  readonly folder: string;
  readonly hosts: readonly string[];
  readonly days: number;
}

async function makePart(part: Part, authority: KeyPair, { folder, hosts, days }: Wanted): Promise<Made> {
  const { issueCertificate } = await import("./certificates/issue.js");
  const wish = wishOf(part, hosts, days);
  const pair = await issueCertificate(authority, wish);
  writePart(folder, part, authority.cert, pair);
  const until = new Date(new X509Certificate(pair.cert).validTo).toISOString();
  return { part, folder: join(folder, part), hosts: wish.hosts, until };
}

const hostName = /^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;

function checkHost(host: string): void {
  if (isIP(host) !== 0 || (hostName.test(host) && host.length <= 253)) return;
  const sentence = `--name must be host names or IP addresses, not ${JSON.stringify(host)}`;
  throw new TrainyardError("USAGE", `${sentence} (without a port)`);
}

const tableOf = (made: readonly Made[]) =>
  made
    .map(({ folder, hosts, until }) => {
      const known = hosts.length === 0 ? "" : `  ${hosts.join(", ")}`;
      return `${folder.padEnd(24)} until ${until.slice(0, 10)}${known}\n`;
    })
    .join("");
