/** The messages of the Runs service, checked as they come. Fields are documented in proto/trainyard/v1/runs.proto. */
import { z } from "zod";
import { TrainyardError } from "../errors.js";
import { uint32 } from "./numbers.js";

/** Flags are a few dozen short values; a class list may be long. */
const flagsCharacters = 256 * 1024;
const shortText = z.string().max(1_024);

export const SubmitRequest = z.object({
  dataset: shortText,
  flagsJson: z.string().max(flagsCharacters),
  resume: shortText,
});
export type SubmitRequest = z.infer<typeof SubmitRequest>;

export const SubmitReply = z.object({
  run: z.string(),
  isNew: z.boolean(),
  state: z.string(),
  ahead: uint32,
  notes: z.array(z.string()),
});
export type SubmitReply = z.infer<typeof SubmitReply>;

export const RunRequest = z.object({ run: shortText });
export const StopReply = z.object({ run: z.string(), state: z.string() });
export type StopReply = z.infer<typeof StopReply>;
export const ListRequest = z.object({});
export const RunDescription = z.object({ run: z.string(), json: z.string() });
export const RunUpdate = z.object({ statusJson: z.string() });
export const LogsRequest = z.object({ run: shortText, follow: z.boolean() });
export const RunEventMessage = z.object({
  at: z.string(),
  level: z.string(),
  message: z.string(),
  fieldsJson: z.string(),
});

/** Errors: REFUSED for what is no such message. */
export function parsedMessage<T>(schema: z.ZodType<T>, message: unknown): T {
  const parsed = schema.safeParse(message);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  throw new TrainyardError(
    "REFUSED",
    `no message of this protocol: ${first?.path.join(".")} ${first?.message}`,
  );
}

/** Errors: REFUSED when it is not JSON. */
export function parsedJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new TrainyardError("REFUSED", `${what} is not JSON`, { cause: error });
  }
}
