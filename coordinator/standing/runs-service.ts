/** The Runs service on the control port: what each of its calls asks of the queue service, and the role that it needs. */
import { type AdmittedServices, stream, unary } from "../../shared/grpc/admitted-services.js";
import { runsService } from "../../shared/grpc/protocol.js";
import {
  ListRequest,
  LogsRequest,
  parsedJson,
  RunRequest,
  SubmitRequest,
} from "../../shared/grpc/runs-messages.js";
import type { QueueService } from "./queue-service.js";

/** Adds the Runs service to the control port's services. */
export function addRunsService(
  services: AdmittedServices,
  queue: Pick<QueueService, keyof QueueService>,
): void {
  services.add(runsService().service, {
    submit: unary("operator", SubmitRequest, async ({ dataset, flagsJson, resume }, { peer, signal }) =>
      resume === ""
        ? await queue.submit(dataset, parsedJson(flagsJson, "the flags"), peer.name, signal)
        : await queue.resume(resume, peer.name, signal),
    ),
    stop: unary("operator", RunRequest, ({ run }, { signal }) => queue.stop(run, signal)),
    show: unary("viewer", RunRequest, async ({ run }, { signal }) =>
      described(await queue.show(run, signal)),
    ),
    list: stream("viewer", ListRequest, async function* (_, { signal }) {
      for await (const one of queue.list(signal)) yield described(one);
    }),
    follow: stream("viewer", RunRequest, async function* ({ run }, { signal }) {
      for await (const status of queue.follow(run, signal)) yield { statusJson: JSON.stringify(status) };
    }),
    logs: stream("viewer", LogsRequest, async function* ({ run, follow }, { signal }) {
      for await (const { fields, ...event } of queue.logs(run, follow, signal)) {
        yield { ...event, fieldsJson: JSON.stringify(fields) };
      }
    }),
  });
}

const described = ({ run, description }: { run: string; description: object }) => ({
  run,
  json: JSON.stringify(description),
});
