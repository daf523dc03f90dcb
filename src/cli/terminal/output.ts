import { styleText } from 'node:util'
import { cutText } from '../../runtime/text/cut-text.ts'
import { displayWidth, endWithin, startWithin } from '../../runtime/text/display-width.ts'
import { escapeInJson, printable } from '../../runtime/text/printable.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { EXIT, exitCodeOfSignal } from './exit-codes.ts'
import { terminalWidth } from './terminal-width.ts'

/** One column of a table for people. */
export interface Column<Row> {
  readonly title: string
  cell(row: Row): string
  readonly align?: 'right'
  /** Loses its middle first if the terminal is narrow. */
  readonly elastic?: boolean
}

/** How wide the lines may be, and how titles are marked. */
export interface TableStyle {
  readonly width?: number
  readonly title?: (text: string) => string
  /** Lines that do not fit are cut afterwards; without it the terminal wraps them. */
  readonly unwrapped?: boolean
  /** Cells are shown at any length; without it they are cut at 1,000 characters. */
  readonly whole?: boolean
}

const GAP = '  '
// The least width of an elastic column.
const NARROWEST = 12

/** Aligned text without borders, a line a row. Cells are truncated, and control characters escaped. */
export function table<Row>(rows: Iterable<Row>, columns: readonly Column<Row>[], style: TableStyle = {}): string {
  const shown = style.whole ? printable : (text: string): string => printable(cutText(text))
  const cells = [...rows].map((row) => columns.map((column) => shown(column.cell(row))))
  const widths = columns.map(({ title }, index) =>
    cells.reduce((widest, line) => Math.max(widest, displayWidth(line[index] as string)), title.length),
  )
  shrink(widths, columns, style)

  const format = (line: readonly string[], mark: (text: string) => string): string => {
    const padded = line.map((text, index) => {
      const width = widths[index] as number
      const fitting = cutMiddle(text, width)
      const padding = ' '.repeat(width - displayWidth(fitting))
      return columns[index]?.align === 'right' ? padding + mark(fitting) : mark(fitting) + padding
    })
    return padded.join(GAP).trimEnd()
  }
  const titles = columns.map(({ title }) => title)
  const lines = [format(titles, style.title ?? ((text) => text)), ...cells.map((line) => format(line, (text) => text))]
  return `${lines.join('\n')}\n`
}

/**
 * Narrows the widest elastic column until the line fits, or all are at their least width. A line that does not fit even
 * then takes two lines of the terminal, or more: its elastic columns share all that these have.
 */
function shrink<Row>(widths: number[], columns: readonly Column<Row>[], { width, unwrapped }: TableStyle): void {
  if (width === undefined) return
  const gaps = GAP.length * (widths.length - 1)
  const least = widths.reduce((sum, w, index) => sum + (columns[index]?.elastic ? Math.min(w, NARROWEST) : w), gaps)
  const lines = unwrapped ? 1 : Math.max(1, Math.ceil(least / width))
  let surplus = widths.reduce((sum, w) => sum + w, gaps) - lines * width
  while (surplus > 0) {
    const elastic = widths.map((w, index) => (columns[index]?.elastic ? w : 0))
    const widest = Math.max(...elastic)
    if (widest <= NARROWEST) return
    const index = elastic.indexOf(widest)
    const taken = Math.min(surplus, widest - NARROWEST)
    widths[index] = widest - taken
    surplus -= taken
  }
}

/** Keeps the beginning and the end of a text: at most `width` columns of a terminal. */
function cutMiddle(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  const head = startWithin(text, Math.ceil((width - 1) / 2))
  return `${head}…${endWithin(text, width - 1 - displayWidth(head))}`
}

/**
 * JSON for programs, indented unless `compact`: integers of any size with all their digits, dates as ISO 8601, bytes as
 * base64, and `NaN` and `Infinity` as Python writes them. Control characters are written as `\u` escapes.
 */
export function toJson(value: unknown, options: { readonly compact?: boolean } = {}): string {
  return escapeInJson(writeJson(value, options.compact ? undefined : '\n'))
}

/** `lineBreak` ends in the blanks of the current level; without one everything stays on one line. */
function writeJson(value: unknown, lineBreak: string | undefined): string {
  if (typeof value === 'bigint') return value.toString()
  // As Python writes them, and reads them; null would be another value.
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'))
  if (typeof value !== 'object' || value === null || value instanceof Date) return JSON.stringify(value) ?? 'null'
  const inner = lineBreak === undefined ? undefined : `${lineBreak}  `
  const separator = inner === undefined ? ', ' : `,${inner}`
  const enclose = (open: string, members: readonly string[], close: string): string =>
    members.length === 0 ? open + close : [open, inner, members.join(separator), lineBreak, close].join('')
  if (Array.isArray(value))
    return enclose(
      '[',
      value.map((member) => writeJson(member, inner)),
      ']',
    )
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return enclose(
    '{',
    members.map(([key, member]) => `${JSON.stringify(key)}: ${writeJson(member, inner)}`),
    '}',
  )
}

/** Whether `--json` or `-o json` was given. */
export function wantsJson({ json, output }: GlobalOptions): boolean {
  return json === true || output === 'json'
}

/** Writes data to standard output. */
export function print(text: string): void {
  if (!process.stdout.listeners('error').includes(endUnread)) process.stdout.on('error', endUnread)
  process.stdout.write(text)
}

const UNWRITTEN =
  'See that the file or device behind standard output takes more: its disk has room, it is under its limits. What was done until then stays done.'

// The reader of a pipe may leave, as `head` does: the command ends then, as programs do on SIGPIPE. Or a disk is full.
function endUnread(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(exitCodeOfSignal('SIGPIPE'))
  process.stderr.write(`error: the output can't be written: ${printable(error.message)}\n  hint: ${UNWRITTEN}\n`)
  process.exit(EXIT.failed)
}

/** Prints one JSON array, an element at a time, so that a list of any length takes no memory. */
export class JsonList {
  #count = 0

  add(element: unknown): void {
    const text = toJson(element).replaceAll('\n', '\n  ')
    print(`${this.#count++ === 0 ? '[' : ','}\n  ${text}`)
  }

  end(): void {
    print(this.#count === 0 ? '[]\n' : '\n]\n')
  }
}

/** A table of one object: a line for each field, not truncated. */
export function fieldTable(fields: Readonly<Record<string, unknown>>): string {
  const columns = [
    { title: 'FIELD', cell: ([field]: [string, unknown]) => field },
    {
      title: 'VALUE',
      cell: ([, value]: [string, unknown]) => (typeof value === 'string' ? value : toJson(value, { compact: true })),
    },
  ]
  const rows = Object.entries(fields).filter(([, value]) => value !== undefined)
  return table(rows, columns, { ...terminalStyle(), width: Number.POSITIVE_INFINITY, whole: true })
}

/** Writes a note to standard error, unless `--quiet` was given. */
export function note(text: string, { quiet }: GlobalOptions): void {
  if (!quiet) process.stderr.write(`note: ${printable(text)}\n`)
}

/** The style of tables on this terminal: its width, and bold titles if it has colours. */
export function terminalStyle(): TableStyle {
  const width = terminalWidth(process.stdout)
  return {
    ...(width !== undefined && { width }),
    title: (text) => styleText('bold', text, { stream: process.stdout }),
  }
}
