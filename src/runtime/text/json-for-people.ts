/** A value as JSON to be read by people: an integer that a number can't hold is a text of its digits. Throws where there is no JSON. */
export function jsonForPeople(value: unknown, indent?: number): string {
  const written = (_: string, member: unknown): unknown => (typeof member === 'bigint' ? String(member) : member)
  return JSON.stringify(value, written, indent) ?? 'null'
}
