/**
 * A value as JSON for reading: an integer beyond the range of a number becomes a text of its digits. Throws where there is no
 * JSON.
 */
export function jsonForPeople(value: unknown, indent?: number): string {
  const written = (_: string, member: unknown): unknown => (typeof member === 'bigint' ? String(member) : member)
  return JSON.stringify(value, written, indent) ?? 'null'
}
