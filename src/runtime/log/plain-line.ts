import { pino } from 'pino'
import { LONGEST_SHOWN } from '../text/cut-text.ts'

const asJsonSym: typeof pino.symbols.asJsonSym = pino.symbols.asJsonSym
const chindingsSym: typeof pino.symbols.chindingsSym = pino.symbols.chindingsSym
const lsCacheSym: typeof pino.symbols.lsCacheSym = pino.symbols.lsCacheSym

type Fields = Readonly<Record<string, unknown>>

/** What of pino's loggers writes a line: their documented symbols. */
interface LineWriter {
  [asJsonSym](fields: Fields, message: unknown, level: number, time: string): string
  /** The text of its fields, and those of its parents. */
  readonly [chindingsSym]: string
  /** The beginning of a line of each level. */
  readonly [lsCacheSym]: Readonly<Record<number, string>>
}

/** A member as it was written last: mostly it is the same in the next line. */
interface Member {
  value: unknown
  text: string
}

// Names of fields, and with each a value that is no longer than a log line shows.
const MOST_REMEMBERED = 100

/**
 * Has a logger of pino, and its children, write plain lines with the same bytes in a fraction of the time: there is one for
 * every task. A line is plain where its fields are numbers, truth values, and texts that need neither an escape nor a cut;
 * all others are pino's.
 */
export function writePlainLines(logger: object): void {
  const own = logger as LineWriter
  const asJson = own[asJsonSym]
  const remembered = new Map<string, Member>()
  own[asJsonSym] = function (this: LineWriter, fields, message, level, time) {
    const members = isPlainText(message) ? plainMembers(fields, remembered) : undefined
    if (members === undefined) return asJson.call(this, fields, message, level, time)
    return `${this[lsCacheSym][level]}${time}${this[chindingsSym]}${members},"msg":"${message}"}\n`
  }
}

/** The fields as members of a JSON object; undefined where one is not plain. */
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

function isPlainValue(value: unknown): boolean {
  return typeof value === 'number' ? Number.isFinite(value) : typeof value === 'boolean' || isPlainText(value)
}

function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_SHOWN && /^[ !#-[\]-~]*$/.test(value)
}
