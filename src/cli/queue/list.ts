import type { Connection } from '../../broker/broker.ts'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import { failedQueue } from '../../protocol/companion-queues.ts'
import { type ManagedQueue, MINORITY, managementApi } from '../../queues/management.ts'
import { queueStatus } from '../../queues/queue-access.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { milliseconds } from '../flags/values.ts'
import type { WatchFlags } from '../flags/watch-flags.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { type Column, note, table, terminalStyle } from '../terminal/output.ts'
import { type Sight, shownOrWatched } from '../terminal/watch.ts'
import { connect, withCompanions } from './connect.ts'

/** The flags of `twq queue list` and `twq queue show`. */
export interface QueueListFlags extends GlobalOptions {
  readonly queue?: readonly string[]
  readonly all?: boolean
  readonly management?: string
}

/** A queue as a row of the list; what only the management API knows is undefined without it. */
export interface QueueRow {
  readonly name: string
  readonly exists: boolean
  readonly messages_ready: number | undefined
  readonly messages_unacknowledged?: number | undefined
  readonly consumers: number | undefined
  readonly type?: string
  readonly state?: string
  readonly publish_rate?: number
  readonly deliver_rate?: number
}

const TIMEOUT = 5_000

/**
 * `twq queue list`: lists the configured queues and their companions with their messages and consumers; exits with 69 if the node of one
 * is down, or, with the management API, if a quorum queue has no majority. Creates nothing.
 */
export function queueList(flags: QueueListFlags & WatchFlags): Promise<number> {
  return shownOrWatched(flags, look)
}

async function look(flags: QueueListFlags): Promise<Sight> {
  const { connection, config } = await connect('list', flags)
  await using _ = connection
  const configured = config.queues.map(({ name }) => name)
  const names = [...configured, ...(flags.queue ?? [])].flatMap(withCompanions)
  const managed = await managedIfAny(config, flags)
  const all = flags.all ? [...(managed?.keys() ?? [])].sort() : []
  // In parallel: the broker may take long to answer for one of them.
  const rows = await Promise.all(
    [...new Set([...names, ...all])].map(async (name) => {
      const known = managed?.get(name)
      if (known === undefined) return await rowOf(connection, name)
      const row = managedRow(known)
      return hasNoCounts(row) ? { ...row, ...(await countsOf(connection, name)) } : row
    }),
  )
  // Missing companions are shown only for configured queues, and the queue of failures only if failures are kept.
  const expected = configured.flatMap((name) =>
    withCompanions(name).filter((queue) => config.failures !== 'drop' || queue !== failedQueue(name)),
  )
  const asked = new Set([...expected, ...(flags.queue ?? [])])
  const shown = rows.filter(({ name, exists }) => exists || asked.has(name))
  const text = table(shown, managed === undefined ? COLUMNS : MANAGED_COLUMNS, terminalStyle())
  const inState = (wanted: string) => shown.filter(({ state }) => state === wanted).map(({ name }) => name)
  const [down, minority] = [inState(DOWN), inState(MINORITY)]
  if (down.length > 0) note(`the node of the broker that they live on is down: ${down.join(', ')}`, flags)
  if (minority.length > 0) {
    const lost = `too few of their members are there to give or take anything: ${minority.join(', ')}`
    note(`${lost}; rabbitmqctl cluster_status names the nodes that are away`, flags)
  }
  return { document: shown, text, status: down.length + minority.length > 0 ? EXIT.unavailable : EXIT.ok }
}

/** The management API's answers about the queues, by name. */
export async function managedQueues(
  url: string,
  broker: string,
  { timeout }: GlobalOptions,
): Promise<ReadonlyMap<string, ManagedQueue>> {
  const api = managementApi(url, broker, timeout === undefined ? TIMEOUT : milliseconds('--timeout', timeout))
  return new Map((await api.queues()).map((queue) => [queue.name, queue]))
}

/**
 * The same if the API's address is known. If the API does not answer, a note says why, and the list is made over AMQP; `--all` needs the
 * API, and throws.
 */
export async function managedIfAny(
  { management, broker }: Pick<Config, 'management' | 'broker'>,
  flags: QueueListFlags,
): Promise<ReadonlyMap<string, ManagedQueue> | undefined> {
  const url = flags.management ?? management
  if (url === undefined && flags.all) {
    throw new TwqError('TWQ_USAGE', '--all needs the management API, since AMQP lists no queues', {
      hint: 'Say where it is: --management http://localhost:15672, or TWQ_MANAGEMENT',
    })
  }
  if (url === undefined) return undefined
  try {
    return await managedQueues(url, broker, flags)
  } catch (error) {
    if (flags.all || !TwqError.is(error, 'TWQ_MANAGEMENT')) throw error
    note(`${error.message}: what follows is what AMQP tells`, flags)
    if (error.hint !== undefined) note(error.hint, flags)
    return undefined
  }
}

async function rowOf(connection: Connection, name: string): Promise<QueueRow> {
  let down = false
  const status = await queueStatus(connection, name, () => {
    down = true
  })
  const row = { name, messages_ready: status?.messages, consumers: status?.consumers }
  return down ? { ...row, exists: true, state: DOWN } : { ...row, exists: status !== undefined }
}

/** Whether the API has no statistics of a queue whose node runs. */
function hasNoCounts({ state, messages_ready: ready, consumers }: QueueRow): boolean {
  return (ready === undefined || consumers === undefined) && state !== DOWN && state !== MINORITY
}

/** By AMQP, which counts in the queue itself. */
async function countsOf(connection: Connection, name: string): Promise<Partial<QueueRow>> {
  const { messages_ready, consumers, state } = await rowOf(connection, name)
  return { messages_ready, consumers, ...(state !== undefined && { state }) }
}

function managedRow({ name, ready, unacked, consumers, type, state, published, delivered }: ManagedQueue): QueueRow {
  // Of such a queue the API knows no more than that.
  if (state === DOWN) return { name, exists: true, messages_ready: undefined, consumers: undefined, type, state }
  return {
    name,
    exists: true,
    messages_ready: ready,
    messages_unacknowledged: unacked,
    consumers,
    type,
    state,
    publish_rate: published,
    deliver_rate: delivered,
  }
}

/** As the management API has it. */
const DOWN = 'down'

const NAME: Column<QueueRow> = { title: 'QUEUE', cell: ({ name }) => name }
const READY: Column<QueueRow> = {
  title: 'READY',
  align: 'right',
  cell: ({ exists, state, messages_ready: ready }) => (exists ? String(ready ?? state) : 'missing'),
}
const CONSUMERS: Column<QueueRow> = { title: 'CONSUMERS', align: 'right', cell: ({ consumers }) => numeral(consumers) }
const COLUMNS: readonly Column<QueueRow>[] = [NAME, READY, CONSUMERS]
const MANAGED_COLUMNS: readonly Column<QueueRow>[] = [
  NAME,
  { title: 'TYPE', cell: ({ type }) => type ?? '-' },
  READY,
  { title: 'UNACKED', align: 'right', cell: ({ messages_unacknowledged: unacked }) => numeral(unacked) },
  CONSUMERS,
  { title: 'IN/S', align: 'right', cell: ({ publish_rate: rate }) => numeral(rate) },
  { title: 'OUT/S', align: 'right', cell: ({ deliver_rate: rate }) => numeral(rate) },
  { title: 'STATE', cell: ({ state }) => state ?? '-' },
]

function numeral(value: number | undefined): string {
  return value === undefined ? '-' : String(Math.round(value * 10) / 10)
}
