/** The address of an OpenTelemetry collector, as `--trace` takes it. */
import { TrainyardError } from "../errors.js";

/** OTLP's path under a collector's address. */
const tracesPath = "v1/traces";

/**
 * The whole URL that spans are posted to: an address without a path gets OTLP's, one with a path is taken as it is. Null
 * when the text is no http or https URL. Errors: USAGE for a URL that holds a password.
 */
export function readEndpoint(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) return null;
  if (url.username !== "" || url.password !== "") {
    throw new TrainyardError(
      "USAGE",
      "--trace must not hold a password: give the collector's headers in OTEL_EXPORTER_OTLP_HEADERS",
    );
  }
  if (url.pathname === "/") url.pathname = `/${tracesPath}`;
  return url.href;
}
