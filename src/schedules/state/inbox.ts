import type { Delivery } from '../../broker/broker.ts'
import { messageOf } from '../../errors.ts'
import { type Announcement, decodeAnnouncement, type Merged, type MergeFacts, merge } from './announcement.ts'
import { type Applied, apply, type CommandFacts, decodeCommand, type ScheduleCommand } from './command.ts'
import { type EndedRun, readEnded } from './ended-run.ts'
import { MESSAGE_TYPES } from './messages.ts'
import { decodeState, ScheduleState } from './state.ts'

/** A message of the queue, read. */
export type Received = { readonly delivery: Delivery } & (
  | { readonly kind: 'state'; readonly state: ScheduleState }
  | { readonly kind: 'announcement'; readonly announcement: Announcement }
  | { readonly kind: 'command'; readonly command: ScheduleCommand }
  | { readonly kind: 'ended'; readonly run: EndedRun }
  | { readonly kind: 'marker' }
  | { readonly kind: 'malformed'; readonly reason: string }
)

/** Reads a message of the queue. Never throws. */
export function read(delivery: Delivery): Received {
  const { type } = delivery.properties
  try {
    if (type === MESSAGE_TYPES.state) return { delivery, kind: 'state', state: decodeState(delivery.body) }
    if (type === MESSAGE_TYPES.marker) return { delivery, kind: 'marker' }
    if (type === MESSAGE_TYPES.command) return { delivery, kind: 'command', command: decodeCommand(delivery.body) }
    if (type === MESSAGE_TYPES.announcement) {
      return { delivery, kind: 'announcement', announcement: decodeAnnouncement(delivery.body) }
    }
    const run = readEnded(delivery)
    if (run !== undefined) return { delivery, kind: 'ended', run }
    return { delivery, kind: 'malformed', reason: 'a message that is none about schedules' }
  } catch (error) {
    return { delivery, kind: 'malformed', reason: messageOf(error) }
  }
}

/** The state to go on from among what was read: the one of the highest version, or an empty one. */
export function highest(received: readonly Received[]): ScheduleState {
  let state = new ScheduleState()
  for (const one of received) if (one.kind === 'state' && one.state.version > state.version) state = one.state
  // Anybody who may publish can have written it: counting goes on where it stays exact.
  if (state.version > LARGEST_VERSION) state.version = 0
  return state
}

const LARGEST_VERSION = 1e15

/** The change that a message has made, and the answer to its sender. */
export type Outcome =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'merged'; readonly announcement: Announcement; readonly merged: Merged }
  | { readonly kind: 'applied'; readonly command: ScheduleCommand; readonly applied: Applied }
  | { readonly kind: 'refused'; readonly command: ScheduleCommand; readonly error: unknown }
  | { readonly kind: 'malformed'; readonly reason: string }

/** The context in which a message is taken. */
export interface InboxFacts extends CommandFacts, MergeFacts {
  /** Throws where the configuration refuses the command. */
  readonly admit: (command: ScheduleCommand) => void
}

/** Takes one message into the state. A command that was carried out before is not again. */
export function take(state: ScheduleState, one: Received, facts: InboxFacts): Outcome {
  switch (one.kind) {
    case 'state':
    case 'marker':
      return { kind: 'nothing' }
    case 'ended': {
      const { name, id } = one.run
      if (state.entries.get(name)?.running?.id !== id) return { kind: 'nothing' }
      state.change(name, { running: undefined })
      return { kind: 'ended' }
    }
    case 'malformed':
      return { kind: 'malformed', reason: one.reason }
    case 'announcement': {
      const { announcement } = one
      return { kind: 'merged', announcement, merged: merge(state, announcement, facts) }
    }
    case 'command': {
      const { command } = one
      if (state.applied.includes(command.id))
        return { kind: 'applied', command, applied: { answer: {}, changed: false } }
      try {
        facts.admit(command)
        const applied = apply(state, command, facts)
        if (applied.changed) state.noteApplied(command.id)
        return { kind: 'applied', command, applied }
      } catch (error) {
        return { kind: 'refused', command, error }
      }
    }
    default:
      return one satisfies never
  }
}
