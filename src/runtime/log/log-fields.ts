import { cutText, LONGEST_SHOWN } from '../text/cut-text.ts'
import { describeError, isError } from '../text/describe-error.ts'

/** Characters of a stack trace that a line shows: its first lines say where. */
export const LONGEST_STACK = 4_000
const MOST_MEMBERS = 100
const DEEPEST = 6
const MOST_VALUES = 1_000

/**
 * The fields of a log line with errors described and everything bounded: texts at 1,000 characters (stack traces at
 * 4,000), arrays and objects at 100 members, a line at 1,000 values. Fields that need nothing are returned as they are.
 */
export function boundedFields(fields: Record<string, unknown>): Record<string, unknown> {
  let bounded: Record<string, unknown> | undefined
  const budget = { values: MOST_VALUES }
  for (const key in fields) {
    const value = fields[key]
    if (isPlain(value)) continue
    bounded ??= { ...fields }
    bounded[key] = boundedValue(value, key, DEEPEST, budget)
  }
  return bounded ?? fields
}

/** Neither an object nor a text over the limit. */
function isPlain(value: unknown): boolean {
  return typeof value === 'string' ? value.length <= LONGEST_SHOWN : typeof value !== 'object' || value === null
}

function boundedValue(value: unknown, key: string, depth: number, budget: { values: number }): unknown {
  budget.values -= 1
  if (typeof value === 'string') return cutText(value, key === 'stack' ? LONGEST_STACK : LONGEST_SHOWN)
  if (typeof value !== 'object' || value === null) return value
  if (depth === 0 || budget.values <= 0) return '…'
  const within = (member: unknown, name: string): unknown => boundedValue(member, name, depth - 1, budget)
  try {
    if (isError(value)) return within(describeError(value), key)
    if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
    const { toJSON } = value as { toJSON?: unknown }
    if (typeof toJSON === 'function') return within(toJSON.call(value, key), key)
    if (Array.isArray(value)) return membersOf(value, budget, within)
    return entriesOf(value as Record<string, unknown>, budget, within)
  } catch {
    return 'unreadable'
  }
}

type Within = (member: unknown, name: string) => unknown

function membersOf(list: readonly unknown[], budget: { values: number }, within: Within): unknown[] {
  const members: unknown[] = []
  const { length } = list
  for (let index = 0; index < length; index += 1) {
    if (index === MOST_MEMBERS || budget.values <= 0) {
      members.push(`… ${length - index} more`)
      break
    }
    members.push(within(list[index], ''))
  }
  return members
}

function entriesOf(
  table: Record<string, unknown>,
  budget: { values: number },
  within: Within,
): Record<string, unknown> {
  const entries: Record<string, unknown> = {}
  let count = 0
  for (const key in table) {
    if (!Object.hasOwn(table, key)) continue
    if (count === MOST_MEMBERS || budget.values <= 0) {
      entries['…'] = 'more'
      break
    }
    count += 1
    // Assigning to the key `__proto__` would set a prototype.
    Object.defineProperty(entries, cutText(key, 100), {
      value: within(table[key], key),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return entries
}
