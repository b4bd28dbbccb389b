/** The options of commands that ask a standing coordinator, or may: where it is, and what is shown to it. */
import type { Options } from "yargs";
import { type ClientSecurityFlags, clientSecurityOptions } from "./security-flags.js";

const asked = "Coordinator:";

export interface CoordinatorFlags extends ClientSecurityFlags {
  coordinator?: string | undefined;
}

export const coordinatorOptions = {
  coordinator: {
    type: "string",
    requiresArg: true,
    describe: "host:port of a standing coordinator's control port (TRAINYARD_COORDINATOR)",
    group: asked,
  },
  ...clientSecurityOptions,
  insecure: {
    type: "boolean",
    default: false,
    describe: "Show the token in plain text to another machine",
    group: "Security:",
  },
} as const satisfies Record<string, Options>;
