const NAMED_SECRET = /([?&;][a-z_]*(?:password|passwd|secret|token)=)(?:\\.|[^\s"\\&;])*/gi

// In characters: how far after a blank the `@` of a password with a blank is searched for.
const FARTHEST = 256

/**
 * A password ends at the last `@` before a blank, a quote or the next URL of a list (`;amqp://`): an unencoded one may contain
 * `/`, `:` and `@`, and hiding too much is the safe mistake. If no `@` follows and the text is not a port, it is a password with
 * a blank, or the URL lacks its host: hidden as well. Backslash pairs are kept whole, so that JSON text stays JSON.
 */
export function maskPasswords(text: string, mask = '***'): string {
  return text.includes('://') ? maskLogins(text, mask).replace(NAMED_SECRET, `$1${mask}`) : text
}

function maskLogins(text: string, mask: string): string {
  let masked = ''
  let copied = 0
  // Several `://` may occur in one run of characters, which is scanned once.
  let run: Run = { start: 0, end: -1, lastAt: -1 }
  let found = text.indexOf('://')
  while (found >= 0) {
    const user = found + 3
    let next = endOfUser(text, user)
    if (text[next] === ':') {
      const password = next + 1
      if (password > run.end) run = runFrom(text, password)
      const end = run.lastAt >= password ? run.lastAt : endOfUnfinished(text, user, password, run.end)
      if (end !== undefined) {
        masked += text.slice(copied, password) + mask
        copied = end
        next = end
      }
    }
    found = text.indexOf('://', next)
  }
  return copied === 0 ? text : masked + text.slice(copied)
}

/** Characters up to a blank, a quote, the next URL of a list or the end, and where the last `@` among them is. */
interface Run {
  readonly start: number
  readonly end: number
  readonly lastAt: number
}

function runFrom(text: string, start: number): Run {
  let at = start
  let lastAt = -1
  for (; at < text.length; at += 1) {
    const character = text[at] as string
    if (character === '@') lastAt = at
    else if (character === '\\' && at + 1 < text.length) at += 1
    else if (character === '"' || isBlank(character) || (character === ';' && beginsUrl(text, at))) break
  }
  return { start, end: Math.min(at, text.length), lastAt }
}

// As in `BETWEEN_URLS`: anything that is not a separator there is part of a password.
const NEXT_URL = /;[a-z][a-z0-9+.-]*:\/\//iy

function beginsUrl(text: string, at: number): boolean {
  NEXT_URL.lastIndex = at
  return NEXT_URL.test(text)
}

function endOfUser(text: string, start: number): number {
  let at = start
  while (at < text.length && !USER_ENDS.has(text[at] as string)) at += 1
  return at
}

const USER_ENDS = new Set([...':/?#@"\\ \t\n\r\v\f\u00a0\u2028\u2029\ufeff'])
const PORT = /\d{0,5}(?=[/?#:;,)\]}>.'"`\s\\]|$)/y

/** The end of a password without an `@` after it; undefined if it is a port or the URL has no password. */
function endOfUnfinished(text: string, user: number, password: number, runEnd: number): number | undefined {
  PORT.lastIndex = password
  if (text[user] === '[' || PORT.test(text)) return undefined
  if (!isBlank(text[runEnd])) return runEnd
  const line = text.slice(runEnd, runEnd + FARTHEST)
  const stop = line.search(/["\n\\]|:\/\//)
  const at = line.slice(0, stop < 0 ? undefined : stop).lastIndexOf('@')
  return at < 0 ? runEnd : runEnd + at
}

function isBlank(character: string | undefined): boolean {
  return character !== undefined && /\s/.test(character)
}
