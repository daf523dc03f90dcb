const NAMED_SECRET = /([?&;][a-z_]*(?:password|passwd|secret|token)=)(?:\\.|[^\s"\\&;])*/gi

// How far behind a blank the `@` of a password with a blank is looked for, in characters.
const FARTHEST = 256

/**
 * `text` with `mask` for each password of a URL in it. Linear in the text's length, also for one made to slow it down.
 *
 * A password goes from `://user:` to the last `@` before a blank, a quote or the next URL of a list (`;amqp://`): one that was
 * not percent-encoded may itself hold `/`, `:` and `@`, and showing too little is the safe mistake. Where no `@` follows and what stands there is no
 * port, it is a password that holds a blank, or a URL that lacks its host: hidden, too. Backslash pairs are taken whole,
 * so that a text that is already JSON stays JSON.
 */
export function maskPasswords(text: string, mask = '***'): string {
  return text.includes('://') ? maskLogins(text, mask).replace(NAMED_SECRET, `$1${mask}`) : text
}

function maskLogins(text: string, mask: string): string {
  let masked = ''
  let copied = 0
  // Several `://` may stand in one run of characters, which is looked at once.
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

// As `BETWEEN_URLS`: what is no separator there is part of a password.
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

/** Where a password without an `@` behind it ends; undefined where it is a port, or the URL has none. */
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
