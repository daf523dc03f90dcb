import type { Json, JsonObject } from '../../runtime/json.ts'
import { decodeBody, JSON_CONTENT } from '../body.ts'
import { isChordQueue } from '../chord/queued-chord.ts'
import { decompress } from '../compression.ts'
import { isOfADeath } from '../headers/delay-route.ts'
import { FIRST_ERROR } from '../headers/failed.ts'
import { changeHeaders } from '../headers/raw-headers.ts'
import { resendable } from '../headers/resendable.ts'
import { isOfThePast, sendsElsewhere } from '../headers/suspect.ts'
import { jsonText, stringifyJson } from '../json.ts'
import { elementSpans, memberSpans, type Replacement, type Span, spliceJson } from '../json-spans.ts'
import { rerunHeaders } from '../rerun.ts'
import { isObject } from '../task-fields.ts'
import type { TaskMessage } from '../task-message.ts'
import type { WireMessage } from '../wire.ts'
import { displayOfOthers } from './argument-display.ts'
import { decodeTask } from './decode-task.ts'
import { encodeTask } from './encode-task.ts'

/** How the message of a failed task is run again. */
export interface Rerun {
  /** The number that distinguishes this run from earlier ones. */
  readonly rerun: number
  /** The time of sending; milliseconds since the epoch. */
  readonly now: number
  /** Arguments that replace the message's own. */
  readonly args?: readonly Json[] | undefined
  readonly kwargs?: JsonObject | undefined
}

/** A message to run again, and what it lost. */
export interface RerunMessage {
  readonly message: WireMessage
  /** True if its task, or a task of its chain, counted for a chord: the chord failed with it. */
  readonly leavesChord: boolean
}

/** RabbitMQ's limit for a message; a compressed message may expand further. */
const LIMITS = { maxBodySize: 128 * 1024 * 1024 }

/**
 * The message that runs a failed task once more from the start: the same id, no retries, no ETA and no expiry, with its chain,
 * callbacks and errbacks. A chord that it counted for is over and is left out. All other bytes are kept: in the body only the
 * chord, or given arguments, are replaced. A protocol 1 message becomes protocol 2. Throws `TWQ_UNSERIALISABLE` for arguments
 * without a form on the wire, and a `Refusal` for a body that must be read and can't be.
 */
export function rerunMessage(original: WireMessage, change: Rerun): RerunMessage {
  const { rerun, args, kwargs } = change
  const overridden = args !== undefined || kwargs !== undefined
  const decoded = decodeTask(original, LIMITS)
  if (decoded.kind === 'malformed') {
    // An unreadable body has no chord that could be found; it fails again in the worker, with the reason.
    if (overridden) decodeBody(original, LIMITS)
    return { message: withHeaders(original, rerun, {}), leavesChord: false }
  }
  const { message } = decoded
  const leavesChord = countsForChord(message)
  if (message.protocol === 1) return { message: asProtocol2(original, message, change), leavesChord }
  const shown = overridden ? displayOfOthers(message, args ?? message.args, kwargs ?? message.kwargs) : undefined
  const set = shown === undefined ? {} : { argsrepr: shown.argsRepr, kwargsrepr: shown.kwargsRepr }
  if (!overridden && !leavesChord) return { message: withHeaders(original, rerun, set), leavesChord }
  const text = jsonText(decompress(original.body, original.headers.compression, LIMITS.maxBodySize))
  const body = Buffer.from(spliceJson(text, replacements(text, { args, kwargs }, leavesChord)))
  const changed = withHeaders(original, rerun, { ...set, compression: undefined }, leavesChord)
  return { message: { ...changed, properties: { ...changed.properties, ...JSON_CONTENT }, body }, leavesChord }
}

/** Whether a chord counted the task of a message, or the last one of its chain. */
export function countsForChord({ embed, replyTo }: TaskMessage): boolean {
  return isObject(embed.chord) || isChordQueue(replyTo) || (embed.chain ?? []).some(isMember)
}

function isMember(step: Json): boolean {
  return isObject(step) && isObject(step.options) && isObject(step.options.chord)
}

function withHeaders(
  { properties, headers, rawHeaders, headersError, body }: WireMessage,
  rerun: number,
  more: Readonly<Record<string, string | undefined>>,
  leavesChord = false,
): WireMessage {
  const isV2 = typeof headers.task === 'string'
  const times = isV2 ? { retries: 0, eta: null, expires: null } : {}
  const set = { ...times, ...rerunHeaders(rerun), ...more }
  const forms = changeHeaders({ headers, rawHeaders, headersError }, { drop: isOfAnother, set })
  const replyTo = leavesChord && isChordQueue(properties.replyTo ?? '') ? undefined : properties.replyTo
  // The old expiration has passed, and the broker compares a user id with the publisher's.
  const changed = { ...properties, replyTo, expiration: undefined, userId: undefined, deliveryMode: 2 }
  return { properties: resendable(changed), ...forms, body }
}

function asProtocol2(original: WireMessage, message: TaskMessage, { rerun, now, args, kwargs }: Rerun): WireMessage {
  const embed = { ...message.embed, chord: null, chain: message.embed.chain?.map(withoutChord) ?? null }
  const replyTo = isChordQueue(message.replyTo) ? '' : message.replyTo
  const shown = displayOfOthers(message, args ?? message.args, kwargs ?? message.kwargs)
  const next = {
    ...message,
    ...(args !== undefined && { args }),
    ...(kwargs !== undefined && { kwargs }),
    ...shown,
    embed,
    replyTo,
    headers: {},
    retries: 0,
    eta: undefined,
    expires: undefined,
    origin: message.origin ?? '',
  }
  const encoded = encodeTask(next, { now })
  const drop = (name: string): boolean => isOfAnother(name) || name === 'compression'
  return { ...encoded, ...changeHeaders(original, { drop, set: { ...encoded.headers, ...rerunHeaders(rerun) } }) }
}

function withoutChord(step: Json): Json {
  return isMember(step)
    ? { ...(step as JsonObject), options: { ...((step as JsonObject).options as JsonObject), chord: null } }
    : step
}

/** The parts to replace in the text of a body `[args, kwargs, embed]`. */
function replacements(
  text: string,
  { args, kwargs }: Pick<Rerun, 'args' | 'kwargs'>,
  leavesChord: boolean,
): Replacement[] {
  const [ofArgs, ofKwargs, embed] = elementSpans(text) as [Span, Span, Span]
  return [
    ...(args === undefined ? [] : [{ ...ofArgs, by: stringifyJson(args, { path: 'args' }) }]),
    ...(kwargs === undefined ? [] : [{ ...ofKwargs, by: stringifyJson(kwargs, { path: 'kwargs' }) }]),
    ...(leavesChord ? chordsIn(text, embed) : []),
  ]
}

function chordsIn(text: string, embed: Span): Replacement[] {
  const valuesOf = (span: Span, name: string): Span[] => memberSpans(text, span.start).filter(({ key }) => key === name)
  const ofSteps = valuesOf(embed, 'chain')
    .flatMap(({ start }) => elementSpans(text, start))
    .flatMap((step) => valuesOf(step, 'options'))
    .flatMap((options) => valuesOf(options, 'chord'))
  return [...valuesOf(embed, 'chord'), ...ofSteps].map(({ start, end }) => ({ start, end, by: 'null' }))
}

/**
 * True for headers that describe the failed message's past, and for those that would route the new one to other queues as well.
 */
function isOfAnother(name: string): boolean {
  return isOfADeath(name) || isOfThePast(name) || sendsElsewhere(name) || name === FIRST_ERROR
}
