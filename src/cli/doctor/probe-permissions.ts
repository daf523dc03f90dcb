import type { Channel, Connection } from '../../broker/broker.ts'
import { probePublishing } from '../../broker/probe-publishing.ts'
import { TwqError } from '../../errors.ts'
import { askInTime } from '../../queues/queue-access.ts'
import { error, type Finding, ok } from './finding.ts'

/** The operations of a worker on the broker, each tried in a way that leaves no trace. */
const PROBES: readonly {
  readonly what: string
  readonly why: string
  readonly run: (channel: Channel) => Promise<unknown>
}[] = [
  {
    what: 'publish to queues',
    why: 'Results, retries and what follows a task are published through the default exchange.',
    // To a queue that does not exist: it comes back.
    run: probePublishing,
  },
  {
    what: 'declare queues, and read from them',
    why: 'A worker declares the queues that it needs, and consumes them.',
    // Exclusive: it is gone with the connection.
    run: async (channel) => {
      const { name } = await channel.declareQueue({ name: '', durable: false, exclusive: true })
      await channel.get(name)
      await channel.deleteQueue(name)
    },
  },
]

/** Whether this user may do what a worker does. A pattern that allows some names only may refuse others yet. */
export async function probePermissions(connection: Connection): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const { what, why, run } of PROBES) {
    try {
      await askInTime(connection, run)
    } catch (thrown) {
      if (!TwqError.is(thrown, 'TWQ_BROKER_PERMISSION')) throw thrown
      findings.push(error('permissions', `this user may not ${what}: ${thrown.message}`, why, thrown.hint))
    }
  }
  return findings.length > 0 ? findings : [ok('permissions', `may ${PROBES.map(({ what }) => what).join(', ')}`)]
}
