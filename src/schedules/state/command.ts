import { messageOf, TwqError } from '../../errors.ts'
import { parseJson, stringifyJson } from '../../protocol/json.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { type Entry, readEntry } from '../entries/entry.ts'
import { MOST_ENTRIES, nameProblems } from '../entries/schedule-problems.ts'
import { jitterOf, occurrenceId } from '../times/occurrence.ts'
import { nextDue } from '../times/timing.ts'
import { isSuspended, lastAnnounced } from './announcement.ts'
import { type EntryState, HEAD, isRecord, LARGEST_STATE, type ScheduleState, sizeOf } from './state.ts'

/** The commands that change something. */
export const CHANGING = ['set', 'remove', 'pause', 'resume', 'trigger'] as const

/** A command to the leader. */
export interface ScheduleCommand {
  readonly id: string
  readonly method: (typeof CHANGING)[number] | 'list'
  /** The entry that is meant; '' for `list`. */
  readonly name: string
  /** Of `set`. */
  readonly definition?: JsonObject | undefined
}

/** Writes a command. */
export function encodeCommand(command: Omit<ScheduleCommand, 'definition'>, entry?: Entry): Uint8Array {
  const head = JSON.stringify(command)
  return Buffer.from(entry === undefined ? head : `${head.slice(0, -1)},"definition":${entry.json}}`)
}

/** Reads a command. Throws `TWQ_MESSAGE_MALFORMED`. */
export function decodeCommand(body: Uint8Array): ScheduleCommand {
  const value = parseJson(body, { maxSize: 1024 * 1024, maxDepth: 64 })
  const { id, method, name, definition } = isRecord(value) ? value : {}
  const known = method === 'list' || CHANGING.includes(method as (typeof CHANGING)[number])
  if (typeof id !== 'string' || id.length > 64 || !known || typeof name !== 'string') {
    throw new TwqError('TWQ_MESSAGE_MALFORMED', "a command about schedules can't be read")
  }
  return {
    id,
    method: method as ScheduleCommand['method'],
    name,
    definition: isRecord(definition) ? definition : undefined,
  }
}

/** An entry as it is shown. Moments are ISO 8601. */
export interface ScheduleView {
  readonly name: string
  readonly task: string
  /** The schedule with its arguments and options, as JSON. */
  readonly definition: JsonObject
  readonly source: 'config' | 'set'
  /** `off`: not enabled. `suspended`: no worker has it in its configuration any more. `over`: it will not be due again. */
  readonly state: 'active' | 'paused' | 'off' | 'suspended' | 'over'
  /** When it is due next. */
  readonly next: string | undefined
  /** The id of the run that has not ended yet, with `overlap: 'skip'`. */
  readonly running: string | undefined
  readonly lastRun: { readonly id: string; readonly due: string; readonly sentAt: string } | undefined
}

/** What a command comes to. */
export interface Applied {
  readonly answer: Json
  /** Whether the state is another one now. */
  readonly changed: boolean
  /** An entry to send at once, under this id. */
  readonly trigger?: { readonly name: string; readonly id: string }
}

/** The context of a command. */
export interface CommandFacts {
  readonly now: number
  readonly ledSince: number
  readonly namespace: string
  /** The name of the worker that leads. */
  readonly leader: string
  /** Bytes beyond which the broker takes no state. */
  readonly largest: number
}

/** Carries a command out on the state. Throws `TWQ_SCHEDULE`, with the reason, for one that can't be. */
export function apply(state: ScheduleState, command: ScheduleCommand, facts: CommandFacts): Applied {
  const { name, method } = command
  const { now } = facts
  if (method === 'list') return { answer: viewOf(state, facts), changed: false }
  if (method === 'set') return set(state, command, facts)
  const known = state.entries.get(name)
  if (known === undefined)
    throw refused(`there is no schedule '${name}'`, 'twq schedule list shows those that there are')
  if (method === 'trigger') return { answer: { id: command.id }, changed: true, trigger: { name, id: command.id } }
  if (method === 'remove') {
    if (known.source === 'config') {
      throw refused(`schedule '${name}' is in the configuration of the workers`, 'Remove it there, or pause it')
    }
    state.entries.delete(name)
  } else if (method === 'pause') state.change(name, { paused: true })
  // What was due meanwhile is over.
  else if (known.paused) state.change(name, { paused: false, since: now })
  return { answer: {}, changed: true }
}

function set(state: ScheduleState, { name, definition }: ScheduleCommand, { now, largest }: CommandFacts): Applied {
  const [problem] = nameProblems(name)
  if (problem !== undefined) throw refused(`a schedule can't be called so${problem}`)
  const known = state.entries.get(name)
  if (known?.source === 'config') {
    throw refused(`schedule '${name}' is in the configuration of the workers`, 'Change it there, or use another name')
  }
  let entry: Entry
  try {
    entry = readEntry(definition)
  } catch (error) {
    throw refused(messageOf(error))
  }
  const sameTimes = JSON.stringify(known?.entry.timing) === JSON.stringify(entry.timing)
  const next: EntryState = {
    name,
    entry,
    source: 'set',
    since: known !== undefined && sameTimes ? known.since : now,
    paused: known?.paused ?? false,
    lastRun: known?.lastRun,
    running: known?.running,
    announced: now,
    superseded: {},
  }
  let size = sizeOf(next) + HEAD
  for (const one of state.entries.values()) if (one.name !== name) size += sizeOf(one)
  const most = Math.min(largest, LARGEST_STATE)
  if (size > most) throw refused(`the schedules would have ${size} bytes, and may have ${most}`, 'Remove some first')
  if (known === undefined && state.entries.size >= MOST_ENTRIES)
    throw refused(`there are ${MOST_ENTRIES} schedules already`)
  state.entries.set(name, next)
  return { answer: {}, changed: true }
}

/** The answer of `list`. */
function viewOf(state: ScheduleState, facts: CommandFacts): Json {
  const { leader, now } = facts
  const latest = lastAnnounced(state)
  const entries = [...state.entries.values()].map((entry): ScheduleView => entryView(entry, latest, facts))
  return parseJson(stringifyJson({ leader, now: new Date(now).toISOString(), entries }))
}

function entryView(one: EntryState, latest: number, { namespace, ledSince }: CommandFacts): ScheduleView {
  const { name, entry, source, since, paused, lastRun } = one
  const due = nextDue(entry.timing, since)
  const state = paused
    ? 'paused'
    : !entry.enabled
      ? 'off'
      : isSuspended(one, latest, ledSince)
        ? 'suspended'
        : due === undefined
          ? 'over'
          : 'active'
  const delay = due === undefined ? 0 : jitterOf(occurrenceId(namespace, name, due), entry.jitter)
  return {
    name,
    task: entry.task,
    definition: parseJson(entry.json) as JsonObject,
    source,
    state,
    next: state === 'active' ? iso((due as number) + delay) : undefined,
    running: one.running?.id,
    lastRun: lastRun && { id: lastRun.id, due: iso(lastRun.due), sentAt: iso(lastRun.sentAt) },
  }
}

function iso(moment: number): string {
  return new Date(moment).toISOString()
}

function refused(message: string, hint?: string): TwqError {
  return new TwqError('TWQ_SCHEDULE', message, { hint })
}
