/**
 * What Celery's JSON can carry, as JavaScript values: plain JSON plus kombu's typed values (dates, bytes), integers
 * beyond 2^53 as `bigint`, and the non-finite numbers. Decimals, UUIDs, dates and times without the other half are strings.
 */
export type Json = null | boolean | number | bigint | string | Date | Uint8Array | readonly Json[] | JsonObject
/** A JSON object. Those from the wire have no prototype, so no key of theirs can be mistaken for a method. */
export type JsonObject = { readonly [key: string]: Json }
