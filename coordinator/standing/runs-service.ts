/**
 * The Runs service on the control port. It checks each call and its caller's role, passes it to the queue service
 * (queue-service.ts), and sends the answer or the failure back.
 */
import { once } from "node:events";
import type * as grpc from "@grpc/grpc-js";
import type { z } from "zod";
import type { Clock } from "../../shared/clock.js";
import { TrainyardError } from "../../shared/errors.js";
import { type JudgedCall, judgeCall } from "../../shared/grpc/authorization.js";
import { statusOf } from "../../shared/grpc/failures.js";
import { runsService } from "../../shared/grpc/protocol.js";
import {
  ListRequest,
  LogsRequest,
  parsedJson,
  parsedMessage,
  RunRequest,
  SubmitRequest,
} from "../../shared/grpc/runs-messages.js";
import type { Peer, Role } from "../../shared/security/roles.js";
import type { ServerSecurity } from "../../shared/security/server-security.js";
import type { QueueService } from "./queue-service.js";

type UnaryCall = grpc.ServerUnaryCall<unknown, object>;
type StreamCall = grpc.ServerWritableStream<unknown, object>;
type AdmittedCall = JudgedCall & { getPeer(): string };
type Answer = grpc.sendUnaryData<object>;

/** Adds the Runs service to the control port's server. */
export function addRunsService(
  server: grpc.Server,
  service: QueueService,
  security: ServerSecurity,
  clock: Clock,
): void {
  const admit = (call: AdmittedCall, role: Role) => admitted(security, clock, call, role);
  const unary = unaryHandlers(admit);
  const stream = streamHandlers(admit);
  server.addService(runsService().service, {
    submit: unary("operator", SubmitRequest, async ({ dataset, flagsJson, resume }, peer, signal) =>
      resume === ""
        ? await service.submit(dataset, parsedJson(flagsJson, "the flags"), peer.name, signal)
        : await service.resume(resume, peer.name, signal),
    ),
    stop: unary("operator", RunRequest, ({ run }, _peer, signal) => service.stop(run, signal)),
    show: unary("viewer", RunRequest, async ({ run }, _peer, signal) =>
      described(await service.show(run, signal)),
    ),
    list: stream(ListRequest, async function* (_request, signal) {
      for await (const one of service.list(signal)) yield described(one);
    }),
    follow: stream(RunRequest, async function* ({ run }, signal) {
      for await (const status of service.follow(run, signal)) yield { statusJson: JSON.stringify(status) };
    }),
    logs: stream(LogsRequest, async function* ({ run, follow }, signal) {
      for await (const { fields, ...event } of service.logs(run, follow, signal)) {
        yield { ...event, fieldsJson: JSON.stringify(fields) };
      }
    }),
  });
}

type Admit = (call: AdmittedCall, role: Role) => Promise<Peer>;

/** Makes handlers of calls with one answer: admitted by role, checked by schema, answered by `reply`. */
const unaryHandlers =
  (admit: Admit) =>
  <Request>(
    role: Role,
    schema: z.ZodType<Request>,
    reply: (request: Request, peer: Peer, signal: AbortSignal) => Promise<object>,
  ) =>
  (call: UnaryCall, answer: Answer): void => {
    admit(call, role)
      .then((peer) => reply(parsedMessage(schema, call.request), peer, untilCancelled(call)))
      .then(
        (message) => answer(null, message),
        (error: unknown) => answer(asStatus(error)),
      );
  };

/** Makes handlers of calls that viewers make and that are answered by a stream of messages. */
const streamHandlers =
  (admit: Admit) =>
  <Request>(
    schema: z.ZodType<Request>,
    messages: (request: Request, signal: AbortSignal) => AsyncIterable<object>,
  ) =>
  (call: StreamCall): void => {
    const send = async () => {
      await admit(call, "viewer");
      const signal = untilCancelled(call);
      for await (const message of messages(parsedMessage(schema, call.request), signal)) {
        if (call.destroyed || signal.aborted) return;
        if (!call.write(message)) await Promise.race([once(call, "drain"), once(call, "close")]);
      }
    };
    send().then(
      () => call.end(),
      (error: unknown) => call.emit("error", asStatus(error)),
    );
  };

const described = ({ run, description }: { run: string; description: object }) => ({
  run,
  json: JSON.stringify(description),
});

/** A refused call, with the status that goes out. */
class NotAdmitted extends TrainyardError {
  readonly status: Partial<grpc.StatusObject> & Error;

  constructor(status: Partial<grpc.StatusObject> & Error) {
    super("REFUSED", status.message);
    this.status = status;
  }
}
const asStatus = (error: unknown) => (error instanceof NotAdmitted ? error.status : statusOf(error));

/** The caller of an admitted call. A peer that fails again and again waits for its refusal. Errors: NotAdmitted. */
async function admitted(
  security: ServerSecurity,
  clock: Clock,
  call: AdmittedCall,
  role: Role,
): Promise<Peer> {
  const judgement = judgeCall(security, call, role);
  if (judgement.refusal === null) return judgement.peer;
  const heldMs = security.attempts.recordFailure(call.getPeer().replace(/:\d+$/, ""));
  if (heldMs > 0) await clock.sleep(heldMs);
  throw new NotAdmitted(judgement.refusal);
}

function untilCancelled(call: { on(event: "cancelled", listener: () => void): unknown }): AbortSignal {
  const controller = new AbortController();
  call.on("cancelled", () => controller.abort(new TrainyardError("INTERRUPTED", "the caller has gone")));
  return controller.signal;
}
