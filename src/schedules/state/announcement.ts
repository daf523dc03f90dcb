import { messageOf, TwqError } from '../../errors.ts'
import { parseJson } from '../../protocol/json.ts'
import type { JsonObject } from '../../runtime/json.ts'
import { type Entry, readEntry } from '../entries/entry.ts'
import { MOST_ENTRIES, nameProblems } from '../entries/schedule-problems.ts'
import { type EntryState, HEAD, isRecord, LARGEST_STATE, MOST_SUPERSEDED, type ScheduleState, sizeOf } from './state.ts'

/** Milliseconds without an announcement after which the definition of an entry counts as abandoned. */
export const SILENCE = 180_000
const DAY = 86_400_000

/** The entries in the configuration of one worker. */
export interface Announcement {
  readonly worker: string
  readonly entries: readonly Announced[]
}

/** One of them; its definition is read only where it is another one than is known. */
export interface Announced {
  readonly name: string
  readonly digest: string
  readonly definition: JsonObject
}

/** Writes an announcement. */
export function encodeAnnouncement(worker: string, entries: ReadonlyMap<string, Entry>): Uint8Array {
  const parts: string[] = []
  for (const [name, { digest, json }] of entries) parts.push(`[${JSON.stringify(name)},"${digest}",${json}]`)
  return Buffer.from(`{"worker":${JSON.stringify(worker)},"entries":[${parts.join(',')}]}`)
}

/** Reads an announcement. Throws `TWQ_MESSAGE_MALFORMED`. */
export function decodeAnnouncement(body: Uint8Array): Announcement {
  const value = parseJson(body, { maxSize: 2 * LARGEST_STATE, maxDepth: 64 })
  if (!isRecord(value) || typeof value.worker !== 'string' || !Array.isArray(value.entries)) {
    throw new TwqError('TWQ_MESSAGE_MALFORMED', "an announcement of schedules can't be read")
  }
  if (value.entries.length > MOST_ENTRIES) {
    throw new TwqError('TWQ_MESSAGE_MALFORMED', `an announcement of more than ${MOST_ENTRIES} schedules`)
  }
  const entries = value.entries.flatMap((one): readonly Announced[] => {
    const [name, digest, definition] = Array.isArray(one) ? one : []
    if (typeof name !== 'string' || typeof digest !== 'string' || digest.length > 32 || !isRecord(definition)) return []
    return nameProblems(name).length === 0 ? [{ name, digest, definition }] : []
  })
  return { worker: value.worker.slice(0, 255), entries }
}

/** The context of an announcement. */
export interface MergeFacts {
  readonly now: number
  readonly ledSince: number
  /** Bytes beyond which the broker takes no state. */
  readonly largest: number
  /** On a broker for development: what is announced last wins, also a definition that was superseded. There is one worker, and who undoes a change waits for it. */
  readonly lastWins?: boolean
}

/** What an announcement has changed. */
export interface Merged {
  /** Entries that are new, or have another definition now. */
  readonly changed: readonly string[]
  /** Entries that can't be taken, and why. */
  readonly refused: readonly { readonly name: string; readonly reason: string }[]
}

/**
 * Takes an announcement into the state. A definition that is not known takes the place of the one that is. One that was superseded
 * does so only once no worker announces its successor any more.
 */
export function merge(state: ScheduleState, announcement: Announcement, facts: MergeFacts): Merged {
  const { now, ledSince, largest, lastWins = false } = facts
  // The clock of a leader before, or this one before it was set back, may have been ahead: what is announced now would count as long silent.
  for (const { name, announced } of state.entries.values()) if (announced > now) state.change(name, { announced: now })
  const latest = lastAnnounced(state)
  const changed: string[] = []
  const refused: { name: string; reason: string }[] = []
  const room = {
    bytes: Math.min(largest, LARGEST_STATE) - HEAD,
    entries: MOST_ENTRIES - state.entries.size,
    counted: false,
  }
  for (const { name, digest, definition } of announcement.entries) {
    const known = state.entries.get(name)
    if (known?.source === 'config' && known.entry.digest === digest) {
      // What was due while it was suspended is over.
      const since = isSuspended(known, latest, ledSince) ? now : known.since
      state.entries.set(name, { ...known, announced: now, since })
      continue
    }
    if (known !== undefined && !lastWins && isBehind(known, digest, now)) continue
    try {
      const entry = readEntry(definition)
      if (known !== undefined && !lastWins && isBehind(known, entry.digest, now)) continue
      const next = succeed(name, known, entry, now)
      if (!room.counted) {
        for (const one of state.entries.values()) room.bytes -= sizeOf(one)
        room.counted = true
      }
      room.bytes -= sizeOf(next) - (known === undefined ? 0 : sizeOf(known))
      if (known === undefined) room.entries -= 1
      if (room.bytes < 0 || room.entries < 0) throw new Error('there are too many entries, or they are too large')
      state.entries.set(name, next)
      changed.push(name)
    } catch (error) {
      refused.push({ name, reason: messageOf(error) })
    }
  }
  return { changed, refused }
}

function succeed(name: string, known: EntryState | undefined, entry: Entry, now: number): EntryState {
  const sameTimes = known !== undefined && JSON.stringify(known.entry.timing) === JSON.stringify(entry.timing)
  const earlier = Object.entries(known?.superseded ?? {}).filter(([digest]) => digest !== entry.digest)
  if (known !== undefined) earlier.push([known.entry.digest, now])
  return {
    name,
    entry,
    source: 'config',
    since: sameTimes && known.source === 'config' ? known.since : now,
    paused: known?.paused ?? false,
    lastRun: known?.lastRun,
    running: known?.running,
    announced: now,
    superseded: Object.fromEntries(earlier.slice(-MOST_SUPERSEDED)),
  }
}

/** Whether a definition is the one that is known, or one that it has superseded, while a worker announces it. */
function isBehind({ source, entry, superseded, announced }: EntryState, digest: string, now: number): boolean {
  if (source !== 'config') return false
  return digest === entry.digest || (Object.hasOwn(superseded, digest) && now - announced <= SILENCE)
}

/** When any worker announced anything last. */
export function lastAnnounced(state: ScheduleState): number {
  let latest = 0
  for (const { source, announced } of state.entries.values()) {
    if (source === 'config' && announced > latest) latest = announced
  }
  return latest
}

/**
 * Whether an entry of the configuration is suspended: workers announce others, the last at `latest`, and this one no more. Those
 * that a leader has taken over have the time since.
 */
export function isSuspended({ source, announced }: EntryState, latest: number, ledSince: number): boolean {
  return source === 'config' && latest - Math.max(announced, ledSince) > SILENCE
}

/**
 * Drops the suspended entries that have not been announced for a day; returns their names. After all workers were away for longer, those
 * that have yet to announce theirs have the time that `isSuspended` gives them.
 */
export function dropForgotten(state: ScheduleState, ledSince: number): readonly string[] {
  const latest = lastAnnounced(state)
  const forgotten = [...state.entries.values()].filter(
    (one) => isSuspended(one, latest, ledSince) && latest - one.announced > DAY,
  )
  for (const { name } of forgotten) state.entries.delete(name)
  return forgotten.map(({ name }) => name)
}
