/** Schemas of the Runs service's messages, for server and client. Fields are documented in proto/trainyard/v1/runs.proto. */
import { z } from "zod";
import { TrainyardError } from "../errors.js";
import type { ListRequestReceived } from "./generated/trainyard/v1/ListRequest.js";
import type { LogsRequestReceived } from "./generated/trainyard/v1/LogsRequest.js";
import type { RunDescriptionReceived } from "./generated/trainyard/v1/RunDescription.js";
import type { RunEventReceived } from "./generated/trainyard/v1/RunEvent.js";
import type { RunRequestReceived } from "./generated/trainyard/v1/RunRequest.js";
import type { RunUpdateReceived } from "./generated/trainyard/v1/RunUpdate.js";
import type { StopReplyReceived } from "./generated/trainyard/v1/StopReply.js";
import type { SubmitReplyReceived } from "./generated/trainyard/v1/SubmitReply.js";
import type { SubmitRequestReceived } from "./generated/trainyard/v1/SubmitRequest.js";
import { uint32 } from "./numbers.js";
import type { FieldsOf } from "./schema-types.js";

/** Flags are a few dozen short values; a class list may be long. */
const flagsCharacters = 256 * 1024;
const shortText = z.string().max(1_024);

/** A run that is handed in, or a stored one that shall be resumed. */
export const SubmitRequest = z.object({
  dataset: shortText,
  flagsJson: z.string().max(flagsCharacters),
  resume: shortText,
} satisfies FieldsOf<SubmitRequestReceived>);
export type SubmitRequest = z.infer<typeof SubmitRequest>;

/** The answer to a run that was handed in. */
export const SubmitReply = z.object({
  run: z.string(),
  isNew: z.boolean(),
  state: z.string(),
  ahead: uint32,
  notes: z.array(z.string()),
} satisfies FieldsOf<SubmitReplyReceived>);
export type SubmitReply = z.infer<typeof SubmitReply>;

/** Names the run that a call is about. */
export const RunRequest = z.object({ run: shortText } satisfies FieldsOf<RunRequestReceived>);
/** The answer to a request to stop a run. */
export const StopReply = z.object({
  run: z.string(),
  state: z.string(),
} satisfies FieldsOf<StopReplyReceived>);
export type StopReply = z.infer<typeof StopReply>;
/** Asks for every run of the store. */
export const ListRequest = z.object({} satisfies FieldsOf<ListRequestReceived>);
/** A run with its spec and state, as JSON. */
export const RunDescription = z.object({
  run: z.string(),
  json: z.string(),
} satisfies FieldsOf<RunDescriptionReceived>);
/** A run's status, as JSON. */
export const RunUpdate = z.object({ statusJson: z.string() } satisfies FieldsOf<RunUpdateReceived>);
/** Asks for the events of a run's log. */
export const LogsRequest = z.object({
  run: shortText,
  follow: z.boolean(),
} satisfies FieldsOf<LogsRequestReceived>);
/** One event of a run's log. */
export const RunEventMessage = z.object({
  at: z.string(),
  level: z.string(),
  message: z.string(),
  fieldsJson: z.string(),
} satisfies FieldsOf<RunEventReceived>);

/** Checks a message against its schema. Errors: REFUSED when it does not fit. */
export function parsedMessage<T>(schema: z.ZodType<T>, message: unknown): T {
  const parsed = schema.safeParse(message);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  throw new TrainyardError(
    "REFUSED",
    `not a message of this protocol: ${first?.path.join(".")} ${first?.message}`,
  );
}

/** Parses a JSON text of a message; `what` names it in the error. Errors: REFUSED when it is not JSON. */
export function parsedJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new TrainyardError("REFUSED", `${what} is not JSON`, { cause: error });
  }
}
