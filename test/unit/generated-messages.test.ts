/**
 * proto/ is the source of the messages' types: what is checked in is what the generator makes of it now, and a schema
 * that differs from its message does not compile (each @ts-expect-error below is itself an error once it is not needed).
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { generatedFolder, generateMessages } from "../../proto/build.mjs";
import type { CoordinatorBody, WorkerBody } from "../../shared/grpc/control-messages.js";
import type { FromCoordinator } from "../../shared/grpc/generated/trainyard/v1/FromCoordinator.js";
import type { FromWorker } from "../../shared/grpc/generated/trainyard/v1/FromWorker.js";
import type { HeartbeatReceived } from "../../shared/grpc/generated/trainyard/v1/Heartbeat.js";
import type { SettledReceived } from "../../shared/grpc/generated/trainyard/v1/Settled.js";
import { uint32, uint64 } from "../../shared/grpc/numbers.js";
import type { BodiesOf, FieldsOf } from "../../shared/grpc/schema-types.js";

/** The text of every file, by its path within the folder. */
function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

it("the checked-in types are those of proto/ (npm run build:messages)", () => {
  const folder = mkdtempSync(join(tmpdir(), "messages-"));
  try {
    generateMessages(folder);
    const generated = filesOf(folder);
    expect(Object.keys(generated).length).toBeGreaterThan(40);
    expect(filesOf(generatedFolder)).toEqual(generated);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it("a schema that lacks a field, has one too many or takes another type does not compile", () => {
  const whole = { step: uint64, attempt: uint32, share: uint64 } satisfies FieldsOf<SettledReceived>;
  // @ts-expect-error `attempt` is missing
  const lacking = { step: uint64, share: uint64 } satisfies FieldsOf<SettledReceived>;
  const settled = { step: uint64, attempt: uint32, share: uint64 };
  // @ts-expect-error the message has no field `lane`
  const surplus: FieldsOf<SettledReceived> = { ...settled, lane: uint32 };
  // @ts-expect-error `attempt` is decoded to a number
  const wrong = { step: uint64, attempt: z.string(), share: uint64 } satisfies FieldsOf<SettledReceived>;
  // @ts-expect-error `step` is decoded to a string
  const number = { step: uint32, attempt: uint32, share: uint64 } satisfies FieldsOf<SettledReceived>;
  expect([whole, lacking, surplus, wrong, number]).toHaveLength(5);
});

it("a body that has no schema, or a schema of another message, does not compile", () => {
  interface Received {
    readonly body?: "heartbeat" | "settled";
    readonly heartbeat?: HeartbeatReceived | null;
    readonly settled?: SettledReceived | null;
  }
  const settled = z.object({ step: uint64, attempt: uint32, share: uint64 });
  const heartbeat = z.object({ phase: z.string(), share: uint64, done: uint32 });
  const whole = { heartbeat, settled } satisfies BodiesOf<Received>;
  // @ts-expect-error `settled` is missing
  const lacking = { heartbeat } satisfies BodiesOf<Received>;
  // @ts-expect-error the envelope has no body `leaving`
  const surplus = { heartbeat, settled, leaving: heartbeat } satisfies BodiesOf<Received>;
  // @ts-expect-error `settled` has the schema of a heartbeat
  const other = { heartbeat, settled: heartbeat } satisfies BodiesOf<Received>;
  expect([whole, lacking, surplus, other]).toHaveLength(4);
});

/** The bodies of a union as an envelope carries them: the fields of each under its kind. */
type Carried<Body extends { readonly kind: string }> = { [One in Body as One["kind"]]: Omit<One, "kind"> };

it("every body that can be sent is one of proto/", () => {
  expectTypeOf<Partial<Carried<WorkerBody>>>().toExtend<FromWorker>();
  expectTypeOf<Partial<Carried<CoordinatorBody>>>().toExtend<FromCoordinator>();
  expectTypeOf<WorkerBody["kind"]>().toEqualTypeOf<NonNullable<FromWorker["body"]>>();
  expectTypeOf<CoordinatorBody["kind"]>().toEqualTypeOf<NonNullable<FromCoordinator["body"]>>();
});
