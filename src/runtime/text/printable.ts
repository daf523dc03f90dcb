// C0 and C1 control characters, line separators and bidirectional marks: they can forge a line or control a terminal.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
// The same without line breaks.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
const UNPRINTABLE_IN_LINES = /\r\n|[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
// Those that JSON leaves unescaped; below U+0020 JSON escapes them, or they are layout.
const UNPRINTABLE_IN_JSON = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/**
 * `text` on one line, safe for a terminal: control characters become escapes, `\n` or
 * `\u001b`.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escapeCharacter)
}

/** As {@link printable}, but keeps line breaks: for stack traces and other multi-line texts. */
export function printableLines(text: string): string {
  return text.replace(UNPRINTABLE_IN_LINES, (found) => (found === '\r\n' ? '\n' : escapeCharacter(found)))
}

/** A JSON text made safe for a terminal without changing its value: control characters become `\u` escapes. */
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
