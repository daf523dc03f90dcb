const LONGEST = 10_000

/** A text of an event for keeping: what is beyond 10,000 characters is cut off. */
export function cutText(text: string): string {
  if (text.length <= LONGEST) return text
  // A part of a text keeps the whole of it in memory; a copy does not.
  return `${Buffer.from(text.slice(0, LONGEST)).toString()}…`
}
