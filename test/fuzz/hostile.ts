import { gzipSync } from 'node:zlib'
import type { Options } from 'amqplib'
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

const TASKS = [
  'acceptance.work',
  'acceptance.fail',
  'acceptance.header',
  'no.such.task',
  'celery.chord_unlock',
  'celery.group',
]

const HEADERS = [
  ...['lang', 'task', 'id', 'shadow', 'eta', 'expires', 'group', 'group_index', 'retries', 'timelimit', 'root_id'],
  ...['parent_id', 'argsrepr', 'kwargsrepr', 'origin', 'ignore_result', 'replaced_task_nesting', 'stamped_headers'],
  ...['stamps', 'compression', 'delivery_info', 'x-death', 'x-delivery-count', 'x-acquired-count', 'CC', 'BCC'],
  ...['x-twq-starts', 'x-twq-redelivered', 'x-twq-history', 'x-twq-exchange', 'x-twq-routing-key', 'x-twq-route'],
  ...['x-twq-headers', 'x-twq-headers-decoded', 'x-twq-headers-in-body', 'x-twq-properties', 'x-twq-queue'],
  ...['x-twq-reason', 'x-twq-detail', 'x-twq-time', 'x-twq-node', 'x-twq-id', 'x-twq-task', 'x-twq-isolated'],
]

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

function hostileTask(random: Random, { queue, replies }: Targets): HostileMessage {
  const id = uuid(random)
  const headers: Record<string, unknown> = {
    lang: 'py',
    task: random.pick(TASKS),
    id,
    root_id: id,
    retries: 0,
    origin: 'fuzz',
  }
  for (let changes = random.below(4); changes > 0; changes -= 1) {
    const name = random.chance(0.9) ? random.pick(HEADERS) : anyText(random).slice(0, 100)
    if (random.chance(0.1)) delete headers[name]
    else headers[name] = anyHeader(random)
  }
  const options = { headers, correlationId: id, replyTo: random.pick([...replies, 'nobody']), ...properties(random) }
  return { kind: 'task', exchange: '', routingKey: queue, options, body: taskBody(random) }
}

function taskBody(random: Random): Buffer {
  const dice = random.next()
  if (dice < 0.1) return random.bytes(random.below(500))
  if (dice < 0.2) return Buffer.from(anyJson(random))
  if (dice < 0.25) return gzipSync(Buffer.alloc(random.pick([10, 1_000, 40_000_000]), 0x20))
  const args = random.chance(0.5) ? '[0]' : anyJson(random)
  const kwargs = random.chance(0.6) ? '{}' : anyJson(random)
  const embed = random.chance(0.3) ? anyJson(random) : JSON.stringify(hostileEmbed(random))
  const text = `[${args}, ${kwargs}, ${embed}]`
  return Buffer.from(random.chance(0.1) ? text.slice(0, random.below(text.length)) : text)
}

function hostileEmbed(random: Random): unknown {
  const list = () => (random.chance(0.5) ? null : Array.from({ length: random.below(4) }, () => signature(random, 0)))
  const chord = random.chance(0.2) ? signature(random, 0) : null
  return { callbacks: list(), errbacks: list(), chain: list(), chord }
}

function signature(random: Random, depth: number): unknown {
  if (depth > 3 || random.chance(0.1)) return random.pick([null, 1, 'x', [], {}, { task: 1 }])
  const many = () =>
    Array.from({ length: random.below(random.chance(0.02) ? 200 : 4) }, () => signature(random, depth + 1))
  const kind = random.pick([null, 'group', 'chain', 'chord', 'xmap', 'chunks', 'x'])
  const kwargs = {
    tasks: many(),
    header: many(),
    body: signature(random, depth + 1),
    task: signature(random, depth + 1),
    it: [1, 2],
    n: random.pick([0, 1, -1, 1e9]),
  }
  const options = random.pick([
    {},
    { task_id: uuid(random) },
    { queue: `fuzz-${random.below(30)}` },
    { queue: anyText(random).slice(0, 300) },
    { link: many(), link_error: many() },
    { countdown: random.pick([0, -1, 0.5, 'x']), priority: random.pick([0, 255, 256, -1]) },
    { exchange: anyText(random).slice(0, 100), routing_key: 'x', expires: random.pick([0, -1, 1e300]) },
  ])
  const task = kind === null ? random.pick(TASKS) : `celery.${kind}`
  return {
    task,
    args: random.pick([[], [0], null, {}]),
    kwargs: kind === null ? {} : kwargs,
    options,
    subtask_type: kind,
    immutable: random.chance(0.5),
  }
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

function properties(random: Random): Options.Publish {
  const all: Options.Publish = {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    persistent: random.chance(0.5),
  }
  const text = () => anyText(random).slice(0, 80)
  const changes: readonly (() => Options.Publish)[] = [
    () => ({
      contentType: random.pick(['', 'application/x-python-serialize', 'text/plain', 'application/data', text()]),
    }),
    () => ({ contentEncoding: random.pick(['', 'binary', 'gzip', 'utf-16', 'latin-1', text()]) }),
    () => ({ priority: random.below(256) }),
    () => ({ replyTo: text() }),
    () => ({ correlationId: text() }),
    () => ({ messageId: text(), type: text(), appId: text() }),
    () => ({ timestamp: random.pick([0, 2 ** 31, 2 ** 40]) }),
    () => ({ expiration: String(random.pick([0, 1, 60_000])) }),
    // The broker closes the channel of a sender with such a property.
    () => (random.chance(0.1) ? { expiration: 'never', userId: 'somebody' } : {}),
  ]
  for (let count = random.below(3); count > 0; count -= 1) Object.assign(all, random.pick(changes)())
  return all
}

/** As a UUID, from the seed. */
export function uuid(random: Random): string {
  const hex = random.bytes(16).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
