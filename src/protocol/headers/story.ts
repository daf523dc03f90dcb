import type { Json, JsonObject } from '../../runtime/json.ts'
import { parseJson } from '../json.ts'
import { isObject } from '../task-fields.ts'
import type { Headers, HeaderValue } from '../wire.ts'

/**
 * The header in which a copy that was set aside carries the record of its message: a JSON object. RabbitMQ parses and copies a
 * header table entry by entry, so one entry costs less than twenty; it is text rather than bytes because the management page
 * shows only text.
 */
const STORY = 'x-twq-story'
const PREFIX = 'x-twq-'

/**
 * In bytes. A frame holds it beside a header table of 40,000 bytes. Only texts full of control characters, escaped in JSON, come
 * near it.
 */
const LONGEST_STORY = 65_536

/** The record of a message that is set aside, by names without a prefix; `undefined` is left out. */
export type Story = Readonly<Record<string, Json | undefined>>

/** The headers for a record: one, or, if that would be too long, one for each entry. */
export function storyHeaders(story: Story): Record<string, HeaderValue> {
  const text = JSON.stringify(story)
  if (text.length * 3 <= LONGEST_STORY || Buffer.byteLength(text) <= LONGEST_STORY) return { [STORY]: text }
  const headers: Record<string, HeaderValue> = {}
  for (const [name, value] of Object.entries(story)) {
    if (value !== undefined) headers[`${PREFIX}${name}`] = value as HeaderValue
  }
  return headers
}

/** Reads an entry of a record by its name. */
export type StoryReader = (name: string) => HeaderValue | undefined

/**
 * Reads the record of a copy: from its one header, or from a header per entry, as older workers write. Any sender may have
 * written either. Never throws.
 */
export function readStory(headers: Headers): StoryReader {
  const story = parsed(headers[STORY])
  if (story === undefined) return (name) => headers[`${PREFIX}${name}`]
  return (name) => story[name] as HeaderValue | undefined
}

function parsed(text: HeaderValue | undefined): JsonObject | undefined {
  if (typeof text !== 'string') return undefined
  try {
    const story = parseJson(text, { maxDepth: 8 })
    return isObject(story) ? story : undefined
  } catch {
    return undefined
  }
}
