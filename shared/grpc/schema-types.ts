/**
 * Ties the hand-written zod schemas to the types that are generated from proto/ (shared/grpc/generated). A schema that
 * lacks a field of its message, has one too many, or takes another type than proto-loader decodes, fails `tsc`.
 */
import type { z } from "zod";

/**
 * The fields of a message's schema: `z.object({ … } satisfies FieldsOf<HelloReceived>)`. A field's schema may take
 * fewer values than the wire can carry, because it bounds what a peer may say. It may also take `undefined`: a sender
 * may leave out any field.
 */
export type FieldsOf<Received> = {
  readonly [Field in keyof Received]-?: z.ZodType<unknown, DecodedAs<Received[Field]> | undefined>;
};

/** The schemas of an envelope's bodies, by the names of its oneof `body`: `{ … } satisfies BodiesOf<FromWorkerReceived>`. */
export type BodiesOf<Received extends { readonly body?: keyof Received & string }> = {
  readonly [Kind in NonNullable<Received["body"]>]: z.ZodObject<FieldsOf<NonNullable<Received[Kind]>>>;
};

/** Bytes are decoded to a Buffer, which the schemas take as the Uint8Array that it is. */
type DecodedAs<Value> = Value extends Buffer
  ? Uint8Array
  : Value extends readonly (infer Element)[]
    ? DecodedAs<Element>[]
    : Value extends object
      ? { [Field in keyof Value]: DecodedAs<Value[Field]> }
      : Value;
