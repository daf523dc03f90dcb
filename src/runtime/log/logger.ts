import type { DestinationStream, pino as makePino } from 'pino'
import type { prettyFactory } from 'pino-pretty'
import { requireOwn } from '../own-package.ts'
import { cutText } from '../text/cut-text.ts'
import { printable, printableLines } from '../text/printable.ts'
import type { LogEvent } from './events.ts'
import { boundedFields } from './log-fields.ts'
import { LONGEST_LINE, safeLine } from './log-line.ts'
import { writePlainLines } from './plain-line.ts'
import { TurnWriter } from './turn-writer.ts'

// Required, not imported: for an import of a CommonJS module Node first loads a parser for its export names, which most commands
// need for nothing else.
const { pino } = requireOwn('pino') as { pino: typeof makePino }

/** One method a level; fields first, then a lower-case message without interpolated values. */
export type LogLine = (fields: { readonly [field: string]: unknown }, message: string) => void

/** A logger; pino's loggers have this shape. */
export interface Logger {
  readonly level: string
  trace: LogLine
  debug: LogLine
  info: LogLine
  warn: LogLine
  error: LogLine
  fatal: LogLine
  /** A logger that adds `fields` to each of its lines. */
  child(fields: Record<string, unknown>): Logger
  /** Whether lines of a level are written: `'debug'`. */
  isLevelEnabled(level: string): boolean
}

/** The fields of a line of twq itself: its `event` is one of `events.ts`. */
export interface EventFields {
  readonly event?: LogEvent
  readonly [field: string]: unknown
}

/** As {@link LogLine}, for twq's own lines. */
export type EventLine = (fields: EventFields, message: string) => void

/** A {@link Logger} as twq's own code sees it: it writes no event that is not documented. */
export interface EventLogger {
  readonly level: string
  trace: EventLine
  debug: EventLine
  info: EventLine
  warn: EventLine
  error: EventLine
  fatal: EventLine
  child(fields: Record<string, unknown>): EventLogger
  isLevelEnabled(level: string): boolean
}

/** Where and how log lines are written. */
export interface LoggerOptions {
  readonly level: string
  /** `auto`: readable where `destination` is a terminal, else one JSON document a line. */
  readonly format: 'auto' | 'json' | 'pretty'
  /** Fields of every line: `{ node, pid }` in a worker. */
  readonly fields?: Readonly<Record<string, unknown>>
  /** Standard error by default: standard output is for data. */
  readonly destination?: LogDestination
  /** Colours in the pretty form; by default where `destination` is a terminal. */
  readonly color?: boolean
}

/** Something lines can be written to, such as `process.stderr`. */
export interface LogDestination {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/**
 * A logger that buffers lines until the end of the current turn of the event loop or until the process exits, so that only
 * SIGKILL loses the last lines. Passwords in URLs are masked in every text; fields that are errors keep type, message, stack,
 * code, hint and cause. Texts are cut at 1,000 characters, stack traces at 4,000, lines at 8 kB.
 */
export function createLogger(options: LoggerOptions): EventLogger {
  const { destination } = options
  const onTerminal = destination ? destination.isTTY === true : process.stderr.isTTY === true
  const out = destination ?? standardError()
  const pretty = options.format === 'pretty' || (options.format === 'auto' && onTerminal)
  const color = options.color ?? onTerminal
  const logger = pino(
    {
      level: options.level,
      base: { ...options.fields },
      formatters: {
        level: (level) => ({ level }),
        log: boundedFields,
      },
      hooks: { logMethod: cutMessage },
      // Pino's own serializer would describe an already described error again, with the type Object.
      serializers: { err: (described: unknown) => described },
      timestamp,
    },
    pretty ? prettyStream(out, color) : maskedStream(out),
  )
  writePlainLines(logger, pino.symbols)
  return logger
}

const LONGEST_MESSAGE = 4_000
// Resets colours that were cut off before their end.
const RESET = '\u001b[0m'

/** Bounds the cost of a line, however long the message is. */
function cutMessage(this: unknown, [fields, message]: unknown[], write: (...args: unknown[]) => void): void {
  write.call(this, fields, typeof message === 'string' ? cutText(message, LONGEST_MESSAGE) : message)
}

let stampedAt = 0
let stamp = ''

/** The `time` of a line. Lines written in the same millisecond share one formatted text. */
function timestamp(): string {
  const now = Date.now()
  if (now !== stampedAt) {
    stampedAt = now
    stamp = `,"time":"${new Date(now).toISOString()}"`
  }
  return stamp
}

let stderrWriter: TurnWriter | undefined

/** One writer for the whole process, so that the lines of all loggers keep their order. */
function standardError(): LogDestination {
  stderrWriter ??= new TurnWriter(2)
  return stderrWriter
}

function maskedStream(out: LogDestination): DestinationStream {
  return { write: (line) => void out.write(safeLine(line)) }
}

/**
 * Written in this process and synchronously, not by a transport thread: a thread loses the last lines of a process that exits.
 */
function prettyStream(out: LogDestination, color: boolean): DestinationStream {
  // Loaded only when needed: most processes log JSON.
  const pinoPretty = require('pino-pretty') as { prettyFactory: typeof prettyFactory }
  const prettify = pinoPretty.prettyFactory({
    colorize: color,
    singleLine: true,
    ignore: 'pid,node,event',
    translateTime: 'SYS:HH:MM:ss.l',
    errorLikeObjectKeys: [],
  })
  return {
    write(line) {
      const { stacks, ...record } = readable(JSON.parse(safeLine(line)) as Record<string, unknown>)
      const text = `${prettify(record)}${stacks}`
      out.write(text.length <= LONGEST_LINE ? text : `${text.slice(0, LONGEST_LINE - 7)}…${color ? RESET : ''}\n`)
    },
  }
}

/**
 * The record with terminal control characters escaped in each text, and with the stack traces moved out of it, to be printed
 * below the line.
 */
function readable(record: Record<string, unknown>): Record<string, unknown> & { stacks: string } {
  let stacks = ''
  const clean = (value: unknown): unknown => {
    if (typeof value === 'string') return printable(value)
    if (Array.isArray(value)) return value.map(clean)
    if (typeof value !== 'object' || value === null) return value
    const entries = Object.entries(value).flatMap(([key, member]) => {
      if (key !== 'stack' || typeof member !== 'string') return [[printable(key), clean(member)]]
      stacks += `${printableLines(member).replace(/^/gm, '    ')}\n`
      return []
    })
    return Object.fromEntries(entries)
  }
  return { ...(clean(record) as Record<string, unknown>), stacks }
}
