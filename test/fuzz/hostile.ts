import type { Options } from 'amqplib'
import { hostileTask } from './hostile-task.ts'
import { properties, uuid } from './properties.ts'
import type { Random } from './random.ts'
import { anyHeader, anyJson, anyText } from './values.ts'

/** A message to publish as it is. */
export interface HostileMessage {
  readonly kind: 'task' | 'control' | 'event' | 'reply'
  readonly exchange: string
  readonly routingKey: string
  readonly options: Options.Publish
  readonly body: Buffer
}

/** Where messages may go. */
export interface Targets {
  readonly queue: string
  /** Queues that replies and results are read from. */
  readonly replies: readonly string[]
}

// All but those that carry out what they are told: to shrink, to slow down, to leave a queue, to end.
const COMMANDS = [
  ...[
    'ping',
    'active',
    'reserved',
    'scheduled',
    'query_task',
    'stats',
    'registered',
    'active_queues',
    'conf',
    'report',
  ],
  ...[
    'clock',
    'memsample',
    'memdump',
    'objgraph',
    'enable_events',
    'heartbeat',
    'hello',
    'revoked',
    'revoke',
    'terminate',
  ],
  ...[
    'revoke_by_stamped_headers',
    'election',
    'pool_restart',
    'autoscale',
    'rate_limit',
    'time_limit',
    '__proto__',
    'x',
  ],
]

const ARGUMENTS = [
  'task_id',
  'ids',
  'headers',
  'revoked',
  'from_node',
  'taskinfoitems',
  'id',
  'topic',
  'max',
  'min',
  'soft',
  'signal',
  'terminate',
  'x',
  '__proto__',
]

/** One hostile message: most of them tasks, the rest remote control, events and replies. */
export function hostileMessage(random: Random, targets: Targets): HostileMessage {
  const dice = random.next()
  if (dice < 0.7) return hostileTask(random, targets)
  if (dice < 0.85) return hostileCommand(random, targets)
  if (dice < 0.93) return hostileEvent(random)
  return hostileReply(random, targets)
}

function hostileCommand(random: Random, { replies }: Targets): HostileMessage {
  const given = Array.from(
    { length: random.below(4) },
    () => `${JSON.stringify(random.pick(ARGUMENTS))}:${anyJson(random)}`,
  )
  const args = random.chance(0.7) ? `{${given.join(',')}}` : anyJson(random)
  const method = random.chance(0.9) ? random.pick(COMMANDS) : anyText(random)
  const fields = [
    `"method":${JSON.stringify(method)}`,
    `"arguments":${args}`,
    `"destination":${random.chance(0.8) ? 'null' : anyJson(random)}`,
    `"pattern":${random.chance(0.8) ? 'null' : JSON.stringify(anyText(random))}`,
    `"matcher":${random.pick(['null', '"glob"', '"pcre"', '1'])}`,
    `"ticket":${random.chance(0.7) ? '"t"' : anyJson(random)}`,
    `"reply_to":${random.chance(0.7) ? JSON.stringify({ exchange: '', routing_key: random.pick([...replies, 'nobody']) }) : anyJson(random)}`,
  ]
  const body = random.chance(0.1) ? random.bytes(random.below(300)) : Buffer.from(`{${fields.join(',')}}`)
  const headers = { clock: anyHeader(random), expires: random.chance(0.8) ? 0 : anyHeader(random) }
  return {
    kind: 'control',
    exchange: 'celery.pidbox',
    routingKey: '',
    options: { headers, ...properties(random) },
    body,
  }
}

function hostileEvent(random: Random): HostileMessage {
  const body = random.chance(0.5)
    ? `{"type":"task-failed","uuid":${anyJson(random)},"hostname":${anyJson(random)},"timestamp":${anyJson(random)},"exception":${anyJson(random)}}`
    : anyJson(random)
  const options = { headers: { hostname: anyHeader(random) }, ...properties(random) }
  return {
    kind: 'event',
    exchange: 'celeryev',
    routingKey: anyText(random).slice(0, 80),
    options,
    body: Buffer.from(body),
  }
}

/** To where results and replies are read: what a stranger may write there. */
function hostileReply(random: Random, { replies, queue }: Targets): HostileMessage {
  const body = random.chance(0.5)
    ? `{"task_id":${anyJson(random)},"status":${anyJson(random)},"result":${anyJson(random)},"children":${anyJson(random)}}`
    : anyJson(random)
  const routingKey = random.pick([...replies, `${queue}.suspects`])
  const options = {
    headers: { ticket: anyHeader(random), task: anyHeader(random) },
    correlationId: uuid(random),
    ...properties(random),
  }
  return { kind: 'reply', exchange: '', routingKey, options, body: Buffer.from(body) }
}
