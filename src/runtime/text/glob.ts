/** Longer patterns match nothing: they come from the wire, and the work is their length times the text's. */
const MAX_PATTERN_LENGTH = 1024

/**
 * Python's `fnmatch` on case-sensitive systems: `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`. Never a regular expression, and never
 * more work than the two lengths multiplied.
 */
export function matchesGlob(text: string, pattern: string): boolean {
  if (pattern.length > MAX_PATTERN_LENGTH) return false
  let at = 0
  let next = 0
  /** Where to go on when the characters after the latest star do not match. */
  let retry: { readonly next: number; at: number } | undefined
  while (at < text.length) {
    if (pattern[next] === '*') {
      retry = { next: ++next, at }
      continue
    }
    const length = next < pattern.length ? matchOne(text, at, pattern, next) : 0
    if (length > 0) {
      at++
      next += length
    } else if (retry !== undefined) {
      at = ++retry.at
      next = retry.next
    } else {
      return false
    }
  }
  while (pattern[next] === '*') next++
  return next === pattern.length
}

/** The length of the pattern's piece at `next` if it matches the character at `at`, else 0. */
function matchOne(text: string, at: number, pattern: string, next: number): number {
  const character = text[at] as string
  if (pattern[next] === '?') return 1
  if (pattern[next] === '[') {
    const end = endOfSet(pattern, next)
    if (end !== undefined) return inSet(character, pattern.slice(next + 1, end)) ? end - next + 1 : 0
  }
  return pattern[next] === character ? 1 : 0
}

/** The position of the `]` that closes a set; one that stands first belongs to the set. A `[` never closed is itself. */
function endOfSet(pattern: string, open: number): number | undefined {
  const first = pattern[open + 1] === '!' ? open + 2 : open + 1
  const end = pattern.indexOf(']', first + 1)
  return end === -1 ? undefined : end
}

function inSet(character: string, set: string): boolean {
  const negated = set.startsWith('!')
  let found = false
  for (let index = negated ? 1 : 0; index < set.length; index++) {
    const low = set[index] as string
    if (set[index + 1] === '-' && index + 2 < set.length) {
      found ||= low <= character && character <= (set[index + 2] as string)
      index += 2
    } else {
      found ||= low === character
    }
  }
  return found !== negated
}
