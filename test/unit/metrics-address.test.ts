/** Under which address a worker's metrics are found from other machines. */
import { expect, it } from "vitest";
import { metricsAddress } from "../../cli/metrics-address.js";
import { isAddress } from "../../coordinator/observability/scrape-targets.js";

it.each([
  [{ host: "127.0.0.1" }, "127.0.0.1:7090"],
  [{ host: "0.0.0.0" }, "gpu-3:7090"],
  [{ host: "::" }, "gpu-3:7090"],
  [{ host: "::1" }, "[::1]:7090"],
  [{ host: "0.0.0.0", advertise: "10.1.2.3" }, "10.1.2.3:7090"],
  [{ host: "127.0.0.1", advertise: "fd00::7" }, "[fd00::7]:7090"],
])("%j is %s", (place, address) => {
  expect(metricsAddress({ ...place, port: 7090 }, "gpu-3")).toBe(address);
  expect(isAddress(address)).toBe(true);
});
