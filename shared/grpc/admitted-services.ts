/**
 * The services of a gRPC server. Each method names the role that it needs. A caller is let in before the method's code
 * runs, and its call ends once its token is revoked, whatever the code does. A method can be added in no other way.
 */
import * as grpc from "@grpc/grpc-js";
import type { z } from "zod";
import type { Clock } from "../clock.js";
import { TrainyardError } from "../errors.js";
import { limits } from "../limits.js";
import type { Peer, Role } from "../security/roles.js";
import type { ServerSecurity } from "../security/server-security.js";
import {
  credentialsOf,
  type JudgedCall,
  type Refusal,
  refusalOf,
  refusalOfVerdict,
} from "./authorization.js";
import { statusOf } from "./failures.js";
import { parsedMessage } from "./runs-messages.js";
import type { Handlers, Transport } from "./transport.js";

/** The caller of a method. */
export interface Caller {
  readonly peer: Peer;
  /** Aborted when the caller has gone, or is not let in any more. */
  readonly signal: AbortSignal;
}

/** A stream of messages both ways, on the server. */
export type DuplexCall = grpc.ServerDuplexStream<unknown, object>;
type UnaryCall = grpc.ServerUnaryCall<unknown, object>;
type WritableCall = grpc.ServerWritableStream<unknown, object>;
type ServedCall = JudgedCall & {
  getPeer(): string;
  once(event: "cancelled", listener: () => void): unknown;
};
type Status = Partial<grpc.StatusObject> & Error;

/** How one method is served, and the role that its callers need. */
export type AdmittedMethod =
  /** One request, one answer. */
  | {
      readonly tag: "unary";
      readonly role: Role;
      readonly reply: (request: unknown, caller: Caller) => Promise<object>;
    }
  /** One request, any number of answers. */
  | {
      readonly tag: "stream";
      readonly role: Role;
      readonly replies: (request: unknown, caller: Caller) => AsyncIterable<object>;
    }
  /** Messages both ways. */
  | {
      readonly tag: "duplex";
      readonly role: Role;
      readonly serve: (call: DuplexCall, caller: Caller) => Promise<void>;
    };

/** A method with one answer. A request that does not fit its schema is refused. */
export const unary = <T>(
  role: Role,
  schema: z.ZodType<T>,
  reply: (request: T, caller: Caller) => Promise<object>,
): AdmittedMethod => ({
  tag: "unary",
  role,
  reply: async (request, caller) => await reply(parsedMessage(schema, request), caller),
});

/** A method that answers with a stream. A request that does not fit its schema is refused. */
export const stream = <T>(
  role: Role,
  schema: z.ZodType<T>,
  replies: (request: T, caller: Caller) => AsyncIterable<object>,
): AdmittedMethod => ({
  tag: "stream",
  role,
  replies: (request, caller) => replies(parsedMessage(schema, request), caller),
});

/** A method with messages both ways. `serve` ends the stream before it resolves, and never rejects. */
export const duplex = (
  role: Role,
  serve: (call: DuplexCall, caller: Caller) => Promise<void>,
): AdmittedMethod => ({ tag: "duplex", role, serve });

/** The named keys of a generated service definition, which also has an index signature. */
type NamedKeys<T> = keyof { [K in keyof T as string extends K ? never : number extends K ? never : K]: T[K] };
/** One entry for each method of a service: a method that is added to the proto must be served. */
export type MethodsOf<Service> = {
  readonly [K in NamedKeys<Service> & string as Uncapitalize<K>]: AdmittedMethod;
};

/** What the services of a server have in common. */
export interface AdmittedServicesOptions {
  readonly transport: Transport;
  readonly security: ServerSecurity;
  readonly clock: Clock;
  /** Called when a peer was refused, or its call was ended. `peer`: its address. */
  readonly onRefused: (peer: string, sentence: string) => void;
}

/** A call that was let in. */
interface Admitted {
  readonly caller: Caller;
  /** Called once, when the call is over. */
  readonly release: () => void;
}

/** Adds services to a transport, and lets their callers in. */
export class AdmittedServices {
  readonly #options: AdmittedServicesOptions;

  constructor(options: AdmittedServicesOptions) {
    this.#options = options;
  }

  /** Serves every method of a service. */
  add<Service extends grpc.ServiceDefinition>(service: Service, methods: MethodsOf<NoInfer<Service>>): void {
    const handlers: Handlers = {};
    for (const [name, method] of Object.entries<AdmittedMethod>(methods)) {
      handlers[name] = this.#handlerOf(method);
    }
    this.#options.transport.addService(service, handlers);
  }

  #handlerOf(method: AdmittedMethod): grpc.UntypedHandleCall {
    switch (method.tag) {
      case "unary":
        return (call: UnaryCall, answer: grpc.sendUnaryData<object>) =>
          void this.#answer(method, call, answer);
      case "stream":
        return (call: WritableCall) => void this.#send(method, call);
      case "duplex":
        return (call: DuplexCall) => void this.#converse(method, call);
    }
  }

  async #answer(
    { role, reply }: Extract<AdmittedMethod, { tag: "unary" }>,
    call: UnaryCall,
    answer: grpc.sendUnaryData<object>,
  ): Promise<void> {
    let isOver = false;
    const end = (status: Status | null, message?: object) => {
      if (!isOver) answer(status, message);
      isOver = true;
    };
    const admitted = this.#admit(call, role, end);
    if (admitted === null) return;
    try {
      end(null, await reply(call.request, admitted.caller));
    } catch (error) {
      end(statusOf(error));
    }
    admitted.release();
  }

  async #send(
    { role, replies }: Extract<AdmittedMethod, { tag: "stream" }>,
    call: WritableCall,
  ): Promise<void> {
    const admitted = this.#admit(call, role, (status) => call.emit("error", status));
    if (admitted === null) return;
    const { signal } = admitted.caller;
    try {
      for await (const message of replies(call.request, admitted.caller)) {
        if (call.destroyed || signal.aborted) break;
        if (!call.write(message)) await roomIn(call, signal);
      }
      if (!signal.aborted) call.end();
    } catch (error) {
      if (!signal.aborted) call.emit("error", statusOf(error));
    }
    admitted.release();
  }

  async #converse(
    { role, serve }: Extract<AdmittedMethod, { tag: "duplex" }>,
    call: DuplexCall,
  ): Promise<void> {
    const admitted = this.#admit(call, role, (status) => call.emit("error", status));
    if (admitted === null) return;
    await serve(call, admitted.caller);
    admitted.release();
  }

  /** Lets a call in; null when it is refused, after which `end` ends it. `end` also ends it when its token is revoked. */
  #admit(call: ServedCall, role: Role, end: (status: Status) => void): Admitted | null {
    const { security, transport, onRefused } = this.#options;
    const controller = new AbortController();
    let leave = () => {};
    const revoke = (sentence: string) => {
      onRefused(call.getPeer(), sentence);
      controller.abort(new TrainyardError("REFUSED", sentence));
      end(refusalOf(grpc.status.UNAUTHENTICATED, sentence));
      leave();
      this.#cutSoon(call.getPeer());
    };
    const verdict = security.admit(security.openToAll ? {} : credentialsOf(call), role, revoke);
    if (verdict.tag !== "allowed") {
      this.#refuse(call, refusalOfVerdict(verdict), end);
      return null;
    }
    leave = onlyOnce(transport.identify(call.getPeer()));
    call.once("cancelled", () => controller.abort(new TrainyardError("INTERRUPTED", "the caller has gone")));
    const release = () => {
      verdict.release();
      leave();
    };
    return { caller: { peer: verdict.peer, signal: controller.signal }, release };
  }

  /** Ends a refused call. A peer that fails again and again waits for its answer. */
  #refuse(call: ServedCall, refusal: Refusal, end: (status: Status) => void): void {
    const { security, clock, onRefused } = this.#options;
    const heldMs = security.attempts.recordFailure(call.getPeer().replace(/:\d+$/, ""));
    if (heldMs === 0) onRefused(call.getPeer(), refusal.details);
    clock.after(heldMs, () => end(refusal));
  }

  /** A revoked peer that reads nothing would keep its stream, and what was sent before: its connection is cut. */
  #cutSoon(peer: string): void {
    const { clock, transport } = this.#options;
    clock.after(limits.refusedStreamMs, () => transport.cutUnidentified(peer));
  }
}

function onlyOnce(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}

/** Resolves when the stream takes more, or nobody wants it any more. */
function roomIn(call: WritableCall, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.off("drain", done);
      call.off("close", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    call.on("drain", done);
    call.on("close", done);
    signal.addEventListener("abort", done);
  });
}
