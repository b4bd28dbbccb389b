// Preloaded into a process (node --import): `coordinator.test` is a name whose address, an IPv4 one, stands in the file
// TEST_ADDRESS_FILE and may change at any time, as behind a cluster's DNS. Other names are looked up as ever.
import dns from "node:dns";
import { readFileSync } from "node:fs";

const name = "coordinator.test";
const movingAddress = () => readFileSync(process.env["TEST_ADDRESS_FILE"] ?? "", "utf8").trim();
const lookUp = dns.promises.lookup;
const callBack = dns.lookup;

/**
 * @param {string} host
 * @param {dns.LookupAllOptions} options gRPC asks for all addresses
 */
async function lookUpMoving(host, options) {
  if (host !== name) return await lookUp(host, options);
  return [{ address: movingAddress(), family: 4 }];
}

/**
 * For plain sockets.
 * @param {string} host
 * @param {dns.LookupOptions} options
 * @param {(error: Error | null, address: unknown, family?: number) => void} done
 */
function callBackMoving(host, options, done) {
  if (host !== name) return callBack(host, options, done);
  if (options.all === true) done(null, [{ address: movingAddress(), family: 4 }]);
  else done(null, movingAddress(), 4);
}

dns.promises.lookup = /** @type {typeof lookUp} */ (/** @type {unknown} */ (lookUpMoving));
dns.lookup = /** @type {typeof callBack} */ (/** @type {unknown} */ (callBackMoving));
