import { LONGEST_SHOWN } from '../text/cut-text.ts'
import { LONGEST_STACK } from './log-fields.ts'

type Fields = Readonly<Record<string, unknown>>

/** The members of pino's loggers that write a line, by their documented symbols (`pino.symbols`). */
export interface LineSymbols {
  /** Makes the line. */
  readonly asJsonSym: symbol
  /** The text of the logger's fields, and those of its parents. */
  readonly chindingsSym: symbol
  /** The beginning of a line of each level. */
  readonly lsCacheSym: symbol
}

type AsJson = (this: LineWriter, fields: Fields, message: unknown, level: number, time: string) => string
type LineWriter = Record<symbol, unknown>

/** The member as it was last written: most lines repeat it. */
interface Member {
  value: unknown
  text: string
}

// Names of fields, and with each a value that is no longer than a log line shows.
const MOST_REMEMBERED = 100

/**
 * Replaces how pino's loggers, and their children, write plain lines: the same bytes at a fraction of the cost, since every task
 * writes one. A line is plain if its fields are numbers, booleans, texts that need neither escaping nor cutting, and errors that
 * need no cutting. All other lines, and all lines where pino's internals differ from what is expected, are left to pino.
 */
export function writePlainLines(logger: object, { asJsonSym, chindingsSym, lsCacheSym }: LineSymbols): void {
  const own = logger as LineWriter
  const asJson = own[asJsonSym] as AsJson
  const isKnown =
    typeof asJson === 'function' && typeof own[chindingsSym] === 'string' && typeof own[lsCacheSym] === 'object'
  if (!isKnown) return
  const remembered = new Map<string, Member>()
  own[asJsonSym] = function (fields, message, level, time) {
    const members = isPlainText(message) ? plainMembers(fields, remembered) : undefined
    if (members === undefined) return asJson.call(this, fields, message, level, time)
    const beginnings = this[lsCacheSym] as Readonly<Record<number, string>>
    return `${beginnings[level]}${time}${this[chindingsSym]}${members},"msg":"${message}"}\n`
  } satisfies AsJson
}

/** The fields as members of a JSON object; undefined if one of them is not plain. */
function plainMembers(fields: Fields, remembered: Map<string, Member>): string | undefined {
  let members = ''
  for (const name in fields) {
    const value = fields[name]
    if (value === undefined || !Object.hasOwn(fields, name)) continue
    const before = remembered.get(name)
    if (before?.value === value) {
      members += before.text
      continue
    }
    if (name === 'error' && typeof value === 'object') {
      const texts = textsOf(value)
      if (texts === undefined) return undefined
      members += `,"error":${texts}`
      continue
    }
    if (!isPlainValue(value) || !isPlainText(name)) return undefined
    const text = typeof value === 'string' ? `,"${name}":"${value}"` : `,"${name}":${value}`
    if (before !== undefined) {
      before.value = value
      before.text = text
    } else if (remembered.size < MOST_REMEMBERED) remembered.set(name, { value, text })
    members += text
  }
  return members
}

/** The description of an error as JSON; undefined for any other value, and for an error whose texts must be cut. */
function textsOf(value: object | null): string | undefined {
  if (value === null || Object.getPrototypeOf(value) !== Object.prototype) return undefined
  let members = ''
  for (const name in value) {
    const text: unknown = (value as Fields)[name]
    if (!NAMES.has(name) || !isUncut(text, name)) return undefined
    members += `${members === '' ? '' : ','}"${name}":${JSON.stringify(text)}`
  }
  return `{${members}}`
}

const NAMES: ReadonlySet<string> = new Set(['type', 'message', 'stack'])

function isUncut(text: unknown, name: string): boolean {
  if (text === null) return true
  return typeof text === 'string' && text.length <= (name === 'stack' ? LONGEST_STACK : LONGEST_SHOWN)
}

function isPlainValue(value: unknown): boolean {
  return typeof value === 'number' ? Number.isFinite(value) : typeof value === 'boolean' || isPlainText(value)
}

function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_SHOWN && /^[ !#-[\]-~]*$/.test(value)
}
