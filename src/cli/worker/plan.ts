import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import type { Connection } from '../../broker/broker.ts'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import { withChannel } from '../../queues/queue-access.ts'
import { redactUrl } from '../../runtime/text/redact-url.ts'

/** The findings of `twq worker start --dry-run`. */
export interface WorkerPlan {
  readonly node: string
  readonly config: string | null
  readonly broker: { readonly url: string; readonly server: string }
  readonly pool: string
  readonly concurrency: number
  readonly prefetch: number
  readonly acks: string
  /** Whether the messages of the queues would be dropped first. */
  readonly purge: boolean
  readonly queues: readonly PlannedQueue[]
  readonly tasks: readonly string[]
}

/** A queue as it is; `null` where it would be declared. */
export interface PlannedQueue {
  readonly name: string
  readonly messages: number | null
  readonly consumers: number | null
}

/** Connects and looks; declares and drops nothing. */
export async function planWorker(
  config: Config,
  file: string | undefined,
  tasks: readonly string[],
  purge: boolean,
): Promise<WorkerPlan> {
  const { broker: url, heartbeat, nodeName, pool, concurrency, prefetch, acks } = config
  await using connection = await amqpBroker({ url, heartbeat, name: 'twq worker start --dry-run' }).connect()
  const { product, version } = connection.server
  const queues: PlannedQueue[] = []
  for (const { name } of config.queues) queues.push(await lookAt(connection, name))
  return {
    node: nodeName,
    config: file ?? null,
    broker: { url: redactUrl(url), server: `${product} ${version}` },
    pool,
    concurrency,
    prefetch,
    acks,
    purge,
    queues,
    tasks,
  }
}

/** The plan for people. */
export function describePlan({ node, config, broker, purge, queues, tasks, ...plan }: WorkerPlan): string {
  const rows = [
    ['node', node],
    ['config', config ?? 'none found'],
    ['broker', `${broker.url} (${broker.server})`],
    ['pool', `${plan.pool}, concurrency ${plan.concurrency}, prefetch ${plan.prefetch}, acks ${plan.acks}`],
    ...queues.map(({ name, messages, consumers }) => [
      'queue',
      messages === null
        ? `${name}: would be declared`
        : `${name}: ${messages} messages${purge ? ', which would be dropped' : ''}, ${consumers} consumers`,
    ]),
    ...tasks.map((task) => ['task', task]),
  ]
  return rows.map(([label = '', value]) => `${label.padEnd(8)}${value}\n`).join('')
}

async function lookAt(connection: Connection, name: string): Promise<PlannedQueue> {
  try {
    const { messages, consumers } = await withChannel(connection, (channel) => channel.inspectQueue(name))
    return { name, messages, consumers }
  } catch (error) {
    if (!TwqError.is(error, 'TWQ_QUEUE_MISSING')) throw error
    return { name, messages: null, consumers: null }
  }
}
