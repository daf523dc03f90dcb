import type { Delivery } from '../../broker/broker.ts'
import { withChannel } from '../../queues/queue-access.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { limitOf } from '../flags/sweep-flags.ts'
import { describeMessage } from '../terminal/describe-message.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { type Column, JsonList, note, print, table, terminalStyle, wantsJson } from '../terminal/output.ts'
import { connect, spareSuspects } from './connect.ts'
import { identityOf } from './identity.ts'

/** The flags of `twq queue peek`. */
export interface PeekFlags extends GlobalOptions {
  readonly limit?: string
  readonly force?: boolean
}

const LIMIT = 10

/**
 * `twq queue peek <name>`: shows the first messages of a queue. AMQP requires to take them and requeue them, which keeps their places but
 * marks them as redelivered; a note says so.
 */
export async function queuePeek(name: string, flags: PeekFlags): Promise<number> {
  const limit = limitOf(flags.limit) ?? LIMIT
  spareSuspects(name, flags.force)
  const { connection } = await connect('peek', flags)
  await using _ = connection
  const list = wantsJson(flags) ? new JsonList() : undefined
  const rows: Row[] = []
  let seen = 0
  // They go back together when the channel closes.
  await withChannel(connection, async (channel) => {
    await channel.inspectQueue(name)
    for (; seen < limit; seen++) {
      const delivery = await channel.get(name)
      if (delivery === undefined) break
      if (list === undefined) rows.push(rowOf(delivery))
      else
        list.add({
          ...describeMessage({ route: delivery.route, message: delivery }),
          redelivered: delivery.redelivered,
        })
    }
  })
  list?.end()
  if (rows.length > 0) print(table(rows, COLUMNS, terminalStyle()))
  note(
    seen === 0 ? `nothing is ready in ${name}` : `${seen} looked at; the broker calls them redelivered from now on`,
    flags,
  )
  return EXIT.ok
}

interface Row {
  readonly id: string | undefined
  readonly task: string | undefined
  readonly redelivered: boolean
  readonly size: number
  readonly body: string
}

const LONGEST_EXCERPT = 500

function rowOf(delivery: Delivery): Row {
  const { body, redelivered } = delivery
  const excerpt = Buffer.from(body.subarray(0, LONGEST_EXCERPT)).toString('utf8')
  return { ...identityOf(delivery), redelivered, size: body.length, body: excerpt }
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'TASK', cell: ({ task }) => task ?? '-' },
  { title: 'ID', cell: ({ id }) => id ?? '-' },
  { title: 'REDELIVERED', cell: ({ redelivered }) => (redelivered ? 'yes' : 'no') },
  { title: 'BYTES', align: 'right', cell: ({ size }) => String(size) },
  { title: 'BODY', elastic: true, cell: ({ body }) => body },
]
