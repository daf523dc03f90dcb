import type { Json, JsonObject } from '../../runtime/json.ts'
import { parseJson } from '../json.ts'
import { isObject } from '../task-fields.ts'
import type { Headers, HeaderValue } from '../wire.ts'

/**
 * The header in which a copy that is set aside carries what happened to its message: a JSON object. RabbitMQ parses and copies a header table
 * entry by entry, so one entry costs it less than twenty; it is text, not bytes, because the management page shows only text.
 */
const STORY = 'x-twq-story'
const PREFIX = 'x-twq-'

/** Bytes. A frame holds it beside a header table of 40,000 bytes. Only texts of control characters, as JSON has them, come near it. */
const LONGEST_STORY = 65_536

/** What is told of a message that is set aside, by names without a prefix; `undefined` is left out. */
export type Story = Readonly<Record<string, Json | undefined>>

/** The headers that tell a story: one, or, where that would be too long, one for each entry. */
export function storyHeaders(story: Story): Record<string, HeaderValue> {
  const text = JSON.stringify(story)
  if (text.length * 3 <= LONGEST_STORY || Buffer.byteLength(text) <= LONGEST_STORY) return { [STORY]: text }
  const headers: Record<string, HeaderValue> = {}
  for (const [name, value] of Object.entries(story)) {
    if (value !== undefined) headers[`${PREFIX}${name}`] = value as HeaderValue
  }
  return headers
}

/** Reads an entry of a story by its name. */
export type StoryReader = (name: string) => HeaderValue | undefined

/**
 * Reads what the headers of a copy tell: from its one header, or from a header for each entry, as older workers write them. Any
 * sender can have written either. Never throws.
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
