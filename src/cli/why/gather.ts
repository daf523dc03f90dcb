import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import type { Connection } from '../../broker/broker.ts'
import { ANSWER_PATIENCE } from '../../broker/in-time.ts'
import { describeAddress, parseBrokerUrl } from '../../broker/url.ts'
import { createClient } from '../../client/create-client.ts'
import type { Config } from '../../config/config.ts'
import type { ResultRecord } from '../../protocol/result-record.ts'
import { searchSetAside, setAsideQueues } from '../../queues/set-aside.ts'
import { inTurn } from '../../runtime/in-turn.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { createRouter } from '../../sending/router.ts'
import { type Asked, type Evidence, type Look, type RouteEvidence, seen } from './evidence.ts'
import { lookWithin, unseen } from './look.ts'
import { lookAtDelays, lookAtQueues } from './look-at-queues.ts'
import { lookAtWorkers } from './look-at-workers.ts'

// Queues that are looked at: those of the configuration and of the workers.
const MOST_QUEUES = 100
// The most messages that are read in a queue of failures or a quarantine.
const MOST_LOOKED_AT = 1_000
const MOST_FOUND = 20
/** Milliseconds beyond `timeout`, which is for the answers of workers: for connecting, and for declaring the reply queue. */
const GRACE = 2_000

/**
 * Asks all sources that may know of a task, in parallel, each with its own time-out of `timeout` milliseconds. A source that can't be asked
 * is reported as such, and does not affect the others. Never rejects.
 */
export async function gather(
  config: Config,
  asked: Asked,
  { queue, timeout }: { readonly queue: string | undefined; readonly timeout: number },
): Promise<Evidence> {
  const result = lookAtResult(config, asked.id, timeout)
  const route = lookAtRoute(config, asked.name, queue)
  const sentTo = seen(route)?.queue
  const broker = amqpBroker({ url: config.broker, heartbeat: config.heartbeat, name: 'twq task why' })
  const opened = await lookWithin(timeout + GRACE, (signal) => broker.connect({ signal }))
  const facts = { asked, now: systemClock.now(), route }
  if (opened.kind === 'unseen') {
    return {
      ...facts,
      broker: opened,
      workers: opened,
      queues: opened,
      delayed: opened,
      aside: [],
      result: await result,
    }
  }
  const connection = opened.value
  await using _ = connection
  const [workers, delayed] = await Promise.all([
    lookWithin(timeout + GRACE, (signal) => lookAtWorkers(broker, asked, { timeout, signal })),
    lookWithin(timeout, () => lookAtDelays(connection)),
  ])
  const consumed = (seen(workers) ?? []).flatMap(({ queues }) => queues.map(({ name }) => name))
  const configured = config.queues.map(({ name }) => name)
  const names = [...new Set([...(sentTo === undefined ? [] : [sentTo]), ...configured, ...consumed])].slice(
    0,
    MOST_QUEUES,
  )
  const [queues, aside] = await Promise.all([
    // A queue whose node is away has its own time-out, and does not delay the others.
    lookWithin(timeout + ANSWER_PATIENCE, () => lookAtQueues(connection, names)),
    asked.id === undefined ? [] : lookAside(connection, names, asked.id, timeout),
  ])
  const [address] = parseBrokerUrl(config.broker)
  return {
    ...facts,
    now: systemClock.now(),
    broker: { kind: 'seen', value: { vhost: address.vhost, address: describeAddress(address) } },
    ...{ workers, delayed, queues, aside },
    result: await result,
  }
}

function lookAside(connection: Connection, names: readonly string[], id: string, timeout: number) {
  const all = names.flatMap((queue) => setAsideQueues(queue).map((aside) => ({ queue, aside })))
  const search = { id, limit: MOST_LOOKED_AT, most: MOST_FOUND, whole: false }
  return inTurn(all, async ({ queue, aside }) => ({
    queue,
    name: aside.name,
    look: await lookWithin(timeout, (signal) => searchSetAside(connection, aside, { ...search, signal })),
  }))
}

async function lookAtResult(
  { broker, resultBackend, resultKeyPrefix }: Config,
  id: string | undefined,
  timeout: number,
): Promise<Look<ResultRecord | undefined>> {
  if (id === undefined) return { kind: 'seen', value: undefined }
  return await lookWithin(timeout, async () => {
    await using client = createClient({ broker, resultBackend, resultKeyPrefix })
    return await client.result(id).record()
  })
}

/** Where it was sent, by the flags or by the routes of the configuration, whose functions may throw. */
function lookAtRoute(
  config: Config,
  name: string | undefined,
  queue: string | undefined,
): Look<RouteEvidence | undefined> {
  if (name === undefined && queue === undefined) return { kind: 'seen', value: undefined }
  try {
    const router = createRouter({
      queues: config.knownQueues,
      routes: config.routes,
      defaultQueue: config.defaultQueue,
      defaultPriority: config.defaultPriority,
    })
    const address = router.address(name ?? '', [], queue === undefined ? {} : { queue })
    const { exchange, routingKey } = address.route
    return { kind: 'seen', value: { queue: address.queue, exchange, routingKey } }
  } catch (error) {
    return unseen(error)
  }
}
