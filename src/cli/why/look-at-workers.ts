import type { Broker } from '../../broker/broker.ts'
import { TwqError } from '../../errors.ts'
import {
  errorIn,
  foundIn,
  queuesIn,
  registeredIn,
  scheduledIn,
  statisticsIn,
  tasksIn,
  textsIn,
} from '../../protocol/remote/inspect-answers.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { Broadcast } from '../../sending/broadcast.ts'
import type { Asked, WorkerEvidence } from './evidence.ts'

// Milliseconds of silence after which no further worker is expected. Those that are known then are waited for.
const QUIET = 300
// Of each answer as many entries are looked at.
const MOST_TASKS = 10_000
const MOST_QUEUES = 1_000
const MOST_WORKERS = 2_000
// The name of a worker is that of its mailbox, too.
const LONGEST_NODE = 255

/**
 * Asks all workers where a task is, and how they are. The first question finds who is there, the others go to all of these at once, and
 * end when each has answered or `timeout` milliseconds are over. An empty list where no worker is there.
 */
export async function lookAtWorkers(
  broker: Broker,
  { id }: Asked,
  { timeout, signal }: { readonly timeout: number; readonly signal: AbortSignal },
): Promise<readonly WorkerEvidence[]> {
  await using broadcast = await Broadcast.open(broker, systemClock, { signal })
  const until = systemClock.monotonic() + timeout
  const left = (): number => Math.max(1, until - systemClock.monotonic())
  const stats = await broadcast
    .ask('stats', {}, { timeout: left(), quiet: QUIET, signal })
    .catch((error: unknown): Map<string, Json> => {
      if (TwqError.is(error, 'TWQ_NO_WORKER')) return new Map()
      throw error
    })
  const nodes = [...stats.keys()]
    .filter(({ length }) => length <= LONGEST_NODE)
    .sort()
    .slice(0, MOST_WORKERS)
  if (nodes.length === 0) return []
  const ask = (method: string, args: JsonObject = {}) =>
    broadcast.ask(method, args, { timeout: left(), destination: nodes, signal })
  const ofId =
    id === undefined
      ? undefined
      : { query_task: ask('query_task', { ids: [id] }), scheduled: ask('scheduled'), revoked: ask('revoked') }
  const asked = {
    registered: ask('registered', { taskinfoitems: ['rate_limit'] }),
    active_queues: ask('active_queues'),
    active: ask('active', { safe: true }),
    ...ofId,
  }
  const answers = new Map<string, ReadonlyMap<string, Json>>(
    await Promise.all(Object.entries(asked).map(async ([method, answer]) => [method, await answer] as const)),
  )
  return nodes.map((node) => evidenceOf(node, id, stats.get(node), answers))
}

function evidenceOf(
  node: string,
  id: string | undefined,
  stats: Json | undefined,
  answers: ReadonlyMap<string, ReadonlyMap<string, Json>>,
): WorkerEvidence {
  const silentOn: string[] = []
  const answer = (method: string): Json | undefined => {
    const reply = answers.get(method)?.get(node)
    if (reply !== undefined && errorIn(reply) === undefined) return reply
    if (answers.has(method)) silentOn.push(method)
    return undefined
  }
  const { pool, prefetchCount } = statisticsIn(stats)
  const due = id === undefined ? undefined : scheduledIn(answer('scheduled')).find((task) => task.id === id)
  const listed = answer('registered')
  const registered = registeredIn(Array.isArray(listed) ? listed.slice(0, MOST_TASKS) : undefined)
  return {
    node,
    ours: pool.implementation?.startsWith('twq:') === true,
    found: id === undefined ? undefined : foundIn(answer('query_task')).get(id),
    due: due && { task: due, eta: due.eta },
    revoked: id !== undefined && textsIn(answer('revoked')).includes(id),
    tasks: new Map(registered.map(({ name, attributes }) => [name, attributes.rate_limit ?? ''])),
    queues: queuesIn(answer('active_queues'))
      .slice(0, MOST_QUEUES)
      .map(({ name, queueArguments }) => ({
        name,
        singleActiveConsumer: queueArguments['x-single-active-consumer'] === true,
      })),
    active: tasksIn(answer('active')).slice(0, MOST_TASKS),
    slots: pool.maxConcurrency,
    prefetch: prefetchCount,
    silentOn,
  }
}
