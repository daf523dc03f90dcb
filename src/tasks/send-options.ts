import { TwqError } from '../errors.ts'
import { COMPRESSION_NAMES, isCompression } from '../protocol/compression.ts'
import { isPriority } from '../protocol/queue/routes.ts'
import { areStamps, STAMPS_EXPECTED } from '../protocol/stamps.ts'
import { closest } from '../runtime/text/closest.ts'
import { shownValue } from '../runtime/text/shown-value.ts'
import { parseDuration } from '../runtime/time/duration.ts'
import { isCanvas } from './brand.ts'
import type { SendOptions } from './sending.ts'

/** The type of an option, as text and as a check. */
export type OptionCheck = readonly [expected: string, fits: (value: unknown) => boolean]

const SEND_OPTIONS: Readonly<Record<keyof SendOptions, OptionCheck>> = {
  queue: ["a queue's name of 1 to 255 bytes", isShortText],
  eta: ['a valid Date', isDate],
  countdown: ["milliseconds or a duration like '10s'", (value) => parseDuration(value) !== undefined],
  expires: ["a valid Date, or a duration like '10m'", (value) => isDate(value) || parseDuration(value) !== undefined],
  taskId: ['a text of 1 to 255 bytes', isShortText],
  exchange: ["an exchange's name of 1 to 255 bytes", isShortText],
  routingKey: ['a text of at most 255 bytes', (value) => typeof value === 'string' && Buffer.byteLength(value) <= 255],
  priority: ['a whole number from 0 to 255', isPriority],
  retries: ['a whole number, at least 0', (value) => Number.isSafeInteger(value) && Number(value) >= 0],
  timeLimit: ["milliseconds or a duration like '10s', more than 0", isLimit],
  softTimeLimit: ["milliseconds or a duration like '10s', more than 0", isLimit],
  headers: ['an object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value)],
  ignoreResult: ['true or false', (value) => typeof value === 'boolean'],
  compression: [COMPRESSION_NAMES, isCompression],
  link: ['signatures', areSignatures],
  linkError: ['signatures', areSignatures],
  stamps: [STAMPS_EXPECTED, areStamps],
  argsRepr: ['a text, not an empty one', isShown],
  kwargsRepr: ['a text, not an empty one', isShown],
  shadow: ['a text', (value) => typeof value === 'string'],
  signal: ['an AbortSignal', (value) => value instanceof AbortSignal],
}

/** Throws `TWQ_ARGUMENTS` for an unknown or invalid option of `send`. */
export function checkSendOptions(options: SendOptions): void {
  checkOptions(options, SEND_OPTIONS, 'send option')
}

/** The same for the options of a signature: those of `send` except `signal`, and `more`. */
export function checkSignatureOptions(options: object, more: Readonly<Record<string, OptionCheck>>): void {
  const { signal: _, ...shared } = SEND_OPTIONS
  checkOptions(options, { ...shared, ...more }, 'signature option')
}

function checkOptions(options: object, checks: Readonly<Record<string, OptionCheck>>, kind: string): void {
  for (const [key, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, key) ? checks[key] : undefined
    if (check === undefined) {
      const meant = closest(key, Object.keys(checks))
      throw new TwqError('TWQ_ARGUMENTS', `unknown ${kind} '${key}'`, {
        hint: meant === undefined ? `There are: ${Object.keys(checks).join(', ')}` : `Did you mean '${meant}'?`,
      })
    }
    const [expected, fits] = check
    if (value !== undefined && !fits(value)) {
      throw new TwqError('TWQ_ARGUMENTS', `${kind} ${key} must be ${expected}, got ${shownValue(value)}`)
    }
  }
  const { eta, countdown, timeLimit, softTimeLimit } = options as SendOptions
  if (eta !== undefined && countdown !== undefined) {
    throw new TwqError('TWQ_ARGUMENTS', 'eta and countdown both say when to start', { hint: 'Give one of them' })
  }
  if ((parseDuration(softTimeLimit) ?? 0) > (parseDuration(timeLimit) ?? Number.POSITIVE_INFINITY)) {
    const limits = `${shownValue(softTimeLimit)} and ${shownValue(timeLimit)}`
    throw new TwqError('TWQ_ARGUMENTS', `${kind} softTimeLimit must not be longer than timeLimit, got ${limits}`, {
      hint: 'The attempt would end before its soft limit; give the soft limit some seconds less',
    })
  }
}

// AMQP carries both in short strings.
function isShortText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= 255
}

function isShown(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function areSignatures(value: unknown): boolean {
  return Array.isArray(value) ? value.every(isCanvas) : isCanvas(value)
}

function isLimit(value: unknown): boolean {
  const ms = parseDuration(value)
  return ms !== undefined && ms > 0
}

function isDate(value: unknown): boolean {
  return value instanceof Date && !Number.isNaN(value.getTime())
}
