// Preloaded into a process (node --import): `coordinator.test` is a name whose address, an IPv4 one, stands in the file
// TEST_ADDRESS_FILE and may change at any time, as behind a cluster's DNS. Other names are looked up as ever.
import dns from "node:dns";
import { readFileSync } from "node:fs";

const lookUp = dns.promises.lookup;

/**
 * @param {string} name
 * @param {dns.LookupAllOptions} options gRPC asks for all addresses
 */
async function lookUpMoving(name, options) {
  if (name !== "coordinator.test") return await lookUp(name, options);
  const address = readFileSync(process.env["TEST_ADDRESS_FILE"] ?? "", "utf8").trim();
  return [{ address, family: 4 }];
}

dns.promises.lookup = /** @type {typeof lookUp} */ (/** @type {unknown} */ (lookUpMoving));
