import { amqpBroker } from '../broker/amqp/amqp-broker.ts'
import { isMeant, type QuarantinedMessage, type QuarantineFilter, sweepQuarantine } from '../client/quarantine.ts'
import { TwqError } from '../errors.ts'
import { EXIT } from './exit-codes.ts'
import type { GlobalOptions } from './global-options.ts'
import { loadConfig } from './load-config.ts'
import { type Column, note, print, table, terminalStyle, toJson, wantsJson } from './output.ts'

/** The flags of `twq quarantine …`. */
export interface QuarantineFlags extends GlobalOptions {
  readonly queue?: string
  readonly task?: string
  readonly reason?: string
  readonly id?: string
  readonly limit?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** What `twq quarantine` can do. */
export type QuarantineAction = 'list' | 'replay' | 'purge'

const LIMIT = 1_000

/**
 * `twq quarantine list`, `replay` and `purge`: shows the messages that workers set aside, publishes them to their queue
 * again, or drops them for good. Without filters `purge` asks for `--yes`.
 */
export async function quarantine(action: QuarantineAction, flags: QuarantineFlags): Promise<number> {
  const { config } = await loadConfig(`quarantine ${action}`, flags)
  const queue = flags.queue ?? config.queues[0] ?? 'celery'
  const filter = filterOf(flags)
  const limit = limitOf(flags.limit)
  if (action === 'purge' && flags.yes !== true && flags.dryRun !== true) {
    throw new TwqError('TWQ_USAGE', `this drops messages of ${queue}.quarantine for good`, {
      hint: 'See which with --dry-run, then say --yes',
    })
  }
  const broker = amqpBroker({ url: config.broker, heartbeat: config.heartbeat, name: 'twq quarantine' })
  await using connection = await broker.connect()
  const meant: QuarantinedMessage[] = []
  const { keep, replay, purge } = await sweepQuarantine(connection, queue, limit, (message) => {
    if (!isMeant(message, filter)) return 'keep'
    meant.push(message)
    return action === 'list' || flags.dryRun === true ? 'keep' : action
  })
  if (action === 'list' || flags.dryRun === true) show(meant, flags)
  const done = action === 'replay' ? `${replay} replayed` : `${purge} purged`
  const left = keep - (flags.dryRun === true ? meant.length : 0)
  if (action !== 'list')
    note(flags.dryRun === true ? `${meant.length} would be: nothing was done` : `${done}, ${left} left`, flags)
  else if (meant.length === 0) note(`nothing in ${queue}.quarantine`, flags)
  return EXIT.ok
}

function filterOf({ task, reason, id }: QuarantineFlags): QuarantineFilter {
  return {
    ...(task === undefined ? {} : { task }),
    ...(reason === undefined ? {} : { reason }),
    ...(id === undefined ? {} : { id }),
  }
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return LIMIT
  const limit = Number(text)
  if (!Number.isInteger(limit) || limit < 1) {
    throw new TwqError('TWQ_USAGE', `--limit must be a positive whole number, got "${text}"`)
  }
  return limit
}

const COLUMNS: readonly Column<QuarantinedMessage>[] = [
  { title: 'TIME', cell: ({ time }) => time },
  { title: 'TASK', cell: ({ task }) => task ?? '-' },
  { title: 'ID', cell: ({ id }) => id ?? '-' },
  { title: 'REASON', cell: ({ reason }) => reason },
  { title: 'DETAIL', cell: ({ detail }) => detail, elastic: true },
]

function show(messages: readonly QuarantinedMessage[], flags: GlobalOptions): void {
  if (wantsJson(flags)) {
    const rows = messages.map(({ original, ...row }) => ({
      ...row,
      exchange: original?.route.exchange,
      routing_key: original?.route.routingKey,
      body: original === undefined ? undefined : Buffer.from(original.message.body).toString('utf8'),
    }))
    print(`${toJson(rows)}\n`)
  } else if (messages.length > 0) print(table(messages, COLUMNS, terminalStyle()))
}
