import type { Json } from '../runtime/json.ts'

/** The value of a stamp, by which tasks are revoked: one, or several that each match. */
export type StampValue = string | number | boolean | readonly (string | number | boolean)[]

/** Marks of a task, by their names (wire specification 5.8): `{ customer: 'acme' }`. */
export type Stamps = Readonly<Record<string, StampValue>>

/**
 * The options of `apply_async`, `send_task` and kombu's `publish`: stamps are stored beside them in a signature, so a stamp of
 * such a name would be taken for the option.
 */
const OPTIONS: ReadonlySet<string> = new Set(
  `add_to_parent args argsrepr callbacks chain chord compression confirm_timeout connection content_encoding content_type correlation_id
  countdown create_sent_event declare delivery_mode errbacks eta exchange exchange_type expiration expires group_id group_index headers
  ignore_result immediate interval kwargs kwargsrepr link link_error mandatory max_retries message_id name now origin parent_id priority
  producer publisher queue reply_to replaced_task_nesting result_cls retries retry retry_policy root_id route_name router routing_key
  serializer shadow soft_time_limit stamped_headers stamps task_id task_type time_limit timeout timestamp timezone type user_id app_id
  visitor append_stamps`.split(/\s+/),
)

/** True for stamps that every worker can read: names that are not options of Celery, and plain values. */
export function areStamps(value: unknown): value is Stamps {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.entries(value).every(([name, stamp]) => isStampName(name) && isStampValue(stamp))
}

function isStampName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= 255 && !OPTIONS.has(name)
}

function isStampValue(value: unknown): boolean {
  return Array.isArray(value) ? value.every(isPlain) : isPlain(value)
}

function isPlain(value: unknown): boolean {
  return (
    typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  )
}

/** A text that says which stamps are allowed. */
export const STAMPS_EXPECTED =
  'an object of texts, numbers, booleans or lists of them, by names that are no options of Celery'

/** The options of a signature with stamps added; a new value replaces an old one, as in Celery. */
export function stampOptions(
  options: { readonly [name: string]: Json | undefined },
  stamps: Stamps,
): { [name: string]: Json } {
  const before = Array.isArray(options.stamped_headers) ? options.stamped_headers : []
  return { ...stamps, stamped_headers: [...new Set([...before, ...Object.keys(stamps)])] }
}
