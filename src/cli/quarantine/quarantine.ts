import type { Delivery } from '../../broker/broker.ts'
import { TwqError } from '../../errors.ts'
import { quarantineQueue } from '../../protocol/companion-queues.ts'
import {
  isMeant,
  type QuarantinedMessage,
  type QuarantineFilter,
  readQuarantined,
  replayOf,
  wasInChord,
} from '../../queues/quarantine.ts'
import { DROP, KEEP, type Sweep, type SweepAction, sweepQueue } from '../../queues/sweep-queue.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { type SetAsideFlags, timesOf } from '../flags/set-aside-flags.ts'
import { limitOf, rateOf } from '../flags/sweep-flags.ts'
import { describeMessage } from '../terminal/describe-message.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { interruptible } from '../terminal/interruption.ts'
import {
  type Column,
  fieldTable,
  JsonList,
  note,
  print,
  table,
  terminalStyle,
  toJson,
  wantsJson,
} from '../terminal/output.ts'
import { connectBeside, dropConfirmed, isUndeclared } from './connect-beside.ts'
import { NamedIds } from './named-ids.ts'

/** The flags of `twq quarantine …`. */
export interface QuarantineFlags extends SetAsideFlags {
  readonly reason?: string
  readonly id?: string
}

/** The actions of `twq quarantine` on many messages. */
export type QuarantineAction = 'list' | 'replay' | 'purge'

const NOTHING: Sweep = { kept: 0, dropped: 0, sent: 0, unseen: 0 }

/** A longer list of messages is not read. */
const LONGEST_LIST = 1_000

/**
 * `twq quarantine list`, `replay` and `purge`: shows the messages that workers set aside, publishes them to their queue
 * again, or drops them for good, which a person has to confirm. Ctrl-C stops it between two messages. The latter two reject with
 * `TWQ_MESSAGE_MISSING` where no message has the id that the flags name.
 */
export async function quarantine(action: QuarantineAction, flags: QuarantineFlags): Promise<number> {
  const filter = filterOf(flags)
  const showing = action === 'list' || flags.dryRun === true
  const limit = limitOf(flags.limit) ?? (showing ? LONGEST_LIST : undefined)
  const rate = rateOf(flags.rate)
  const { connection, queue } = await connectBeside(`quarantine ${action}`, quarantineQueue(''), flags)
  await using _ = connection
  const name = quarantineQueue(queue)
  if (action === 'purge' && !showing && !(await dropConfirmed(name, filter, flags))) return EXIT.failed
  const named = new NamedIds(action === 'list' || filter.id === undefined ? [] : [filter.id])
  return await interruptible(async (signal) => {
    const list = messageList(flags)
    let meant = 0
    let foreign = 0
    let inChords = 0
    const decide = (delivery: Delivery): SweepAction => {
      const message = readQuarantined(delivery)
      if (!isMeant(message, filter)) return KEEP
      meant += 1
      named.found(message.id)
      if (showing) {
        list.add(message)
        return KEEP
      }
      if (action === 'purge') return DROP
      const outgoing = replayOf(message, delivery)
      if (outgoing !== undefined) {
        if (wasInChord(message)) inChords += 1
        return { kind: 'send', outgoing }
      }
      foreign += 1
      return KEEP
    }
    const empty = await isUndeclared(connection, queue, name)
    const options = { decide, limit, rate, clock: systemClock, signal }
    const sweep = empty ? NOTHING : await sweepQueue(connection, name, options)
    if (showing) list.end()
    const { id: _, ...filters } = filter
    const searched = { thing: 'message', queue: name, list: 'twq quarantine list', filters }
    if (!signal.aborted) named.end(searched, sweep.unseen, (text) => note(text, flags))
    report(action, { sweep, meant, foreign, inChords, name }, flags)
    return foreign > 0 && !showing ? EXIT.failed : EXIT.ok
  })
}

/** `twq quarantine show <id>`: everything that is known of a message, its body included; 1 when none has this id. */
export async function showQuarantined(id: string, flags: QuarantineFlags): Promise<number> {
  const { connection, queue } = await connectBeside('quarantine show', quarantineQueue(''), flags)
  await using _ = connection
  const found: QuarantinedMessage[] = []
  const decide = (delivery: Delivery): SweepAction => {
    const message = readQuarantined(delivery)
    if (message.id === id) found.push(message)
    return KEEP
  }
  await sweepQueue(connection, quarantineQueue(queue), { decide, limit: limitOf(flags.limit), clock: systemClock })
  if (found.length === 0) {
    throw new TwqError('TWQ_MESSAGE_MISSING', `no message of ${quarantineQueue(queue)} has the id ${id}`, {
      hint: 'twq quarantine list shows those that are kept; --queue names another task queue.',
    })
  }
  const messages = found.map(wholeOf)
  if (wantsJson(flags)) print(`${toJson(messages)}\n`)
  else print(messages.map(({ original, ...story }) => fieldTable({ ...story, ...original })).join('\n'))
  return EXIT.ok
}

function filterOf(flags: QuarantineFlags): QuarantineFilter {
  const { task, reason, id } = flags
  return { task, reason, id, ...timesOf(flags, systemClock.now()) }
}

interface Outcome {
  readonly sweep: Sweep
  /** How many passed the filters, and how many of these can't be replayed. */
  readonly meant: number
  readonly foreign: number
  /** How many were replayed whose chords are over. */
  readonly inChords: number
  readonly name: string
}

function report(
  action: QuarantineAction,
  { sweep, meant, foreign, inChords, name }: Outcome,
  flags: QuarantineFlags,
): void {
  const { kept, dropped, sent, unseen } = sweep
  const unlooked = unseen > 0 ? `; ${unseen} more were not looked at` : ''
  if (action === 'list') {
    if (meant === 0) note(`nothing in ${name}${unlooked}`, flags)
    else if (unseen > 0) note(`${unseen} more were not looked at: --limit says how many are`, flags)
    return
  }
  if (flags.dryRun) note(`${meant} would be: nothing was done${unlooked}`, flags)
  else note(`${action === 'replay' ? `${sent} replayed` : `${dropped} purged`}, ${kept + unseen} left`, flags)
  if (inChords > 0) note(`${inChords} of them run again, but their chords are over: they failed with them`, flags)
  if (foreign > 0) note(`${foreign} were not put there by twq and can't be replayed: twq queue move ${name} …`, flags)
}

const COLUMNS: readonly Column<QuarantinedMessage>[] = [
  { title: 'TIME', cell: ({ time }) => time },
  { title: 'TASK', cell: ({ task }) => task ?? '-' },
  { title: 'ID', cell: ({ id }) => id ?? '-' },
  { title: 'REASON', cell: ({ reason }) => reason },
  { title: 'DETAIL', cell: ({ detail }) => detail, elastic: true },
]

/** Takes the messages to show: for programs each is printed as it comes, for people they make a table in the end. */
function messageList(flags: GlobalOptions): { add(message: QuarantinedMessage): void; end(): void } {
  if (wantsJson(flags)) {
    const list = new JsonList()
    return { add: (message) => list.add(rowOf(message)), end: () => list.end() }
  }
  const rows: QuarantinedMessage[] = []
  return {
    // Without its body, which may be large.
    add: (message) => rows.push({ ...message, original: undefined }),
    end: () => {
      if (rows.length > 0) print(table(rows, COLUMNS, terminalStyle()))
    },
  }
}

function rowOf({ original, history, ...row }: QuarantinedMessage) {
  return {
    ...row,
    ...(history.length > 0 && { history }),
    exchange: original?.route.exchange,
    routing_key: original?.route.routingKey,
    body: original === undefined ? undefined : Buffer.from(original.message.body).toString('utf8'),
  }
}

function wholeOf({ original, history, ...story }: QuarantinedMessage) {
  return {
    ...story,
    ...(history.length > 0 && { history }),
    original: original === undefined ? undefined : describeMessage(original),
  }
}
