/**
 * How a standing coordinator asks former owners whether they are alive. After a restart, a record may name the address
 * of this very process. Then the former owner is not the process that answers there.
 */
import { hostname } from "node:os";
import type { GenerationRecord } from "../../shared/generations.js";
import type { ClientSecurity } from "../../shared/security/client-security.js";
import {
  askAt,
  askOwner,
  isLoopbackAddress,
  type OwnerAnswer,
  withoutScheme,
} from "../ownership/takeover.js";
import { queueName } from "./queue-ownership.js";

/** `here`: this coordinator's HTTP address, as others reach it. `security`: whose certificates it believes. */
export const askOthers =
  (here: () => string, security: ClientSecurity) =>
  async (record: GenerationRecord, run: string): Promise<OwnerAnswer> => {
    if (!leadsHere(record, here())) {
      return await (run === queueName ? askHolder(record, security) : askOwner(record, run, security));
    }
    // This machine's port is ours now. Another machine that goes by the same name may have lost it only to the outside.
    return record.host === hostname() ? "gone" : "refused";
  };

/** Asks the coordinator that held the queue under this record. The run that it has now does not matter. */
const askHolder = (record: GenerationRecord, security: ClientSecurity) =>
  askAt(record, security, ({ queue }) => (queue === record.generation ? "running" : "silent"));

const leadsHere = ({ http, host }: GenerationRecord, here: string) =>
  http === here && (!isLoopbackAddress(withoutScheme(http)) || host === hostname());
