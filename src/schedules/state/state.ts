import { TwqError } from '../../errors.ts'
import { parseJson, stringifyJson } from '../../protocol/json.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { type Entry, readEntry } from '../entries/entry.ts'
import { MOST_ENTRIES, nameProblems } from '../entries/schedule-problems.ts'

/** One entry, and how far it is. Replaced, never changed. Moments are milliseconds since the epoch. */
export interface EntryState {
  readonly name: string
  readonly entry: Entry
  /** From the configuration of a worker, or set at run time. */
  readonly source: 'config' | 'set'
  /** Due times up to here have been dealt with. */
  readonly since: number
  readonly paused: boolean
  /** The occurrence that was sent last. */
  readonly lastRun: LastRun | undefined
  /** The run that has not ended yet, and until when it is waited for: of an entry whose runs must not overlap. */
  readonly running?: { readonly id: string; readonly until: number } | undefined
  /** When a worker announced this definition last; of one set at run time, when it was set. */
  readonly announced: number
  /** Digests of definitions that this one has taken the place of, and when. */
  readonly superseded: Readonly<Record<string, number>>
}

/** An occurrence that was sent. */
export interface LastRun {
  readonly id: string
  readonly due: number
  readonly sentAt: number
}

/** All that the workers of a namespace know of their schedules: held by the one that leads. */
export class ScheduleState {
  /** Higher for each state that is published: the highest wins. */
  version = 0
  readonly entries = new Map<string, EntryState>()
  /** Ids of commands that were carried out: one that comes again after a take-over is not. */
  readonly applied: string[] = []

  /** Notes that a command was carried out. */
  noteApplied(id: string): void {
    this.applied.push(id)
    if (this.applied.length > MOST_APPLIED) this.applied.shift()
  }

  /** Replaces some of the fields of an entry. */
  change(name: string, fields: Partial<EntryState>): void {
    const known = this.entries.get(name)
    if (known !== undefined) this.entries.set(name, { ...known, ...fields })
  }
}

const MOST_APPLIED = 200
/** Bytes of a state without its entries: mostly the commands that were carried out. */
export const HEAD = 16 * 1024
/** Of a state in bytes: half of what RabbitMQ takes by default from version 4 on. */
export const LARGEST_STATE = 8 * 1024 * 1024
export const MOST_SUPERSEDED = 8
/** Bytes of an entry's last run, of the one that has not ended, and of what separates it from the next. */
const NOTES = 256

const texts = new WeakMap<EntryState, string>()

/** Writes a state. An entry that has not changed since is not written anew. */
export function encodeState(state: ScheduleState): Uint8Array {
  const entries: string[] = []
  for (const entry of state.entries.values()) entries.push(textOf(entry))
  const head = `{"format":1,"version":${state.version},"applied":${JSON.stringify(state.applied)},"entries":[`
  return Buffer.from(`${head}${entries.join(',')}]}`)
}

/** How many bytes the state of an entry has, or will have once its runs are noted: a state that was taken must not outgrow what the broker takes. */
export function sizeOf(entry: EntryState): number {
  return Buffer.byteLength(textOf(entry)) + NOTES
}

function textOf(entry: EntryState): string {
  let text = texts.get(entry)
  if (text === undefined) {
    const { name, source, since, paused, lastRun, running, announced, superseded } = entry
    const last = lastRun && [lastRun.id, lastRun.due, lastRun.sentAt]
    const rest = stringifyJson({ name, source, since, paused, lastRun: last, running, announced, superseded })
    text = `${rest.slice(0, -1)},"entry":${entry.entry.json}}`
    texts.set(entry, text)
  }
  return text
}

/** Reads a state. Throws `TWQ_MESSAGE_MALFORMED` for what is none, as a whole: half a state would be worse than none. */
export function decodeState(body: Uint8Array): ScheduleState {
  const value = parseJson(body, { maxSize: 2 * LARGEST_STATE, maxDepth: 64 })
  if (!isRecord(value) || value.format !== 1) throw malformed('is none of this format')
  const { version, applied, entries } = value
  if (!isMoment(version) || !isList(applied, MOST_APPLIED) || !isList(entries, 2 * MOST_ENTRIES)) {
    throw malformed('lacks its version or its lists')
  }
  const state = new ScheduleState()
  state.version = version
  for (const id of applied) if (typeof id === 'string') state.applied.push(id.slice(0, 64))
  for (const one of entries) {
    const entry = entryIn(one)
    state.entries.set(entry.name, entry)
  }
  return state
}

function entryIn(value: Json): EntryState {
  if (!isRecord(value)) throw malformed('has an entry that is no object')
  const { name, source, since, paused, lastRun, running, announced, superseded = {} } = value
  if (typeof name !== 'string' || nameProblems(name).length > 0) throw malformed('has an entry without a name')
  if (!isMoment(since) || !isMoment(announced) || typeof paused !== 'boolean' || !isRecord(superseded)) {
    throw malformed(`has an entry '${name}' that lacks what it needs`)
  }
  return {
    name,
    entry: readEntry(value.entry),
    source: source === 'set' ? 'set' : 'config',
    since,
    paused,
    lastRun: lastRunIn(lastRun),
    running: runningIn(running),
    announced,
    superseded: Object.fromEntries(
      Object.entries(superseded)
        .filter((one): one is [string, number] => isMoment(one[1]))
        .slice(-MOST_SUPERSEDED),
    ),
  }
}

function lastRunIn(value: Json | undefined): LastRun | undefined {
  if (!isList(value, 3)) return undefined
  const [id, due, sentAt] = value
  return typeof id === 'string' && isMoment(due) && isMoment(sentAt) ? { id: id.slice(0, 64), due, sentAt } : undefined
}

function runningIn(value: Json | undefined): EntryState['running'] {
  const { id, until } = isRecord(value) ? value : {}
  return typeof id === 'string' && isMoment(until) ? { id: id.slice(0, 64), until } : undefined
}

function malformed(what: string): TwqError {
  return new TwqError('TWQ_MESSAGE_MALFORMED', `a state of schedules that ${what}`)
}

// What a Date can hold.
function isMoment(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= 8.64e15
}

function isList(value: unknown, most: number): value is readonly Json[] {
  return Array.isArray(value) && value.length <= most
}

/** Whether a value from the wire is an object with fields. */
export function isRecord(value: unknown): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  )
}
