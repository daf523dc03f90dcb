// C0 and C1 controls, line separators, and the marks that reorder text: what could forge a line or steer a terminal.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
// The same but for line breaks.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
const UNPRINTABLE_IN_LINES = /\r\n|[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
// Those of them that JSON lets through; what is below U+0020 is an escape already, or layout.
const UNPRINTABLE_IN_JSON = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** `text` on one line and harmless to a terminal: control characters are shown as escapes, `\n` or `\u001b`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escapeCharacter)
}

/** As {@link printable}, but line breaks stay: for stack traces and other texts that are many lines by nature. */
export function printableLines(text: string): string {
  return text.replace(UNPRINTABLE_IN_LINES, (found) => (found === '\r\n' ? '\n' : escapeCharacter(found)))
}

/** A JSON text harmless to a terminal, and the same JSON: what would steer it is written as `\u` escapes. */
export function escapeInJson(json: string): string {
  return json.replace(UNPRINTABLE_IN_JSON, escapeByCode)
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n'
  if (character === '\r') return '\\r'
  if (character === '\t') return '\\t'
  return escapeByCode(character)
}

function escapeByCode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
