/** The position of a value within a JSON text: its first character, and the character after its last. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A member of an object within a JSON text. */
export interface MemberSpan extends Span {
  readonly key: string
}

/** A replacement for a value within a JSON text. */
export interface Replacement extends Span {
  readonly by: string
}

/**
 * The elements of the array that begins at `at` of a well-formed JSON text; none if the value there is not an array. Python's
 * bare `NaN` and `Infinity` are accepted. Linear in the length of the array.
 */
export function elementSpans(text: string, at = 0): Span[] {
  const start = skipSpace(text, at)
  return text[start] === '[' ? valuesFrom(text, start + 1, ']') : []
}

/** The members of the object that begins at `at`, including repeated keys; none if the value there is not an object. */
export function memberSpans(text: string, at: number): MemberSpan[] {
  const start = skipSpace(text, at)
  if (text[start] !== '{') return []
  const members: MemberSpan[] = []
  for (let next = skipSpace(text, start + 1); text[next] === '"'; ) {
    const keyEnd = endOfString(text, next)
    const value = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const end = endOfValue(text, value)
    members.push({ key: keyOf(text.slice(next, keyEnd)), start: value, end })
    next = skipSpace(text, end)
    if (text[next] === ',') next = skipSpace(text, next + 1)
  }
  return members
}

/** The text with each of these non-overlapping values replaced; all other characters stay. */
export function spliceJson(text: string, replacements: readonly Replacement[]): string {
  const parts: string[] = []
  let from = 0
  for (const { start, end, by } of replacements.toSorted((a, b) => a.start - b.start)) {
    parts.push(text.slice(from, start), by)
    from = end
  }
  return [...parts, text.slice(from)].join('')
}

function valuesFrom(text: string, from: number, close: string): Span[] {
  const spans: Span[] = []
  for (let start = skipSpace(text, from); start < text.length && text[start] !== close; ) {
    const end = endOfValue(text, start)
    spans.push({ start, end })
    const next = skipSpace(text, end)
    if (text[next] !== ',') break
    start = skipSpace(text, next + 1)
  }
  return spans
}

function endOfValue(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const character = text[at] as string
    if (character === '"') at = endOfString(text, at) - 1
    else if (character === '[' || character === '{') depth += 1
    else if (character === ']' || character === '}') {
      if (depth === 0) return at
      depth -= 1
      if (depth === 0) return at + 1
    } else if (depth === 0 && (character === ',' || isSpace(character))) return at
    if (depth === 0 && character === '"') return at + 1
  }
  return text.length
}

/** The position after the closing quote of the string opened at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at += 1
    else if (text[at] === '"') return at + 1
  }
  return text.length
}

function keyOf(literal: string): string {
  try {
    return JSON.parse(literal) as string
  } catch {
    return literal
  }
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && isSpace(text[at] as string)) at += 1
  return at
}

function isSpace(character: string): boolean {
  return character === ' ' || character === '\n' || character === '\t' || character === '\r'
}
