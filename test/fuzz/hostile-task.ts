import { gzipSync } from 'node:zlib'
import type { HostileMessage, Targets } from './hostile.ts'
import { hostileEmbed, TASKS } from './hostile-canvas.ts'
import { properties, uuid } from './properties.ts'
import type { Random } from './random.ts'
import { anyHeader, anyJson, anyText } from './values.ts'

const HEADERS = [
  ...['lang', 'task', 'id', 'shadow', 'eta', 'expires', 'group', 'group_index', 'retries', 'timelimit', 'root_id'],
  ...['parent_id', 'argsrepr', 'kwargsrepr', 'origin', 'ignore_result', 'replaced_task_nesting', 'stamped_headers'],
  ...['stamps', 'compression', 'delivery_info', 'x-death', 'x-delivery-count', 'x-acquired-count', 'CC', 'BCC'],
  ...['x-twq-starts', 'x-twq-redelivered', 'x-twq-history', 'x-twq-exchange', 'x-twq-routing-key', 'x-twq-route'],
  ...['x-twq-headers', 'x-twq-headers-decoded', 'x-twq-headers-in-body', 'x-twq-properties', 'x-twq-queue'],
  ...['x-twq-reason', 'x-twq-detail', 'x-twq-time', 'x-twq-node', 'x-twq-id', 'x-twq-task', 'x-twq-story'],
]

const OLD_FIELDS = [
  ...['task', 'id', 'args', 'kwargs', 'retries', 'eta', 'expires', 'utc', 'group', 'timelimit', 'taskset', 'chord'],
  ...['callbacks', 'errbacks', '__proto__'],
]

const ZIPPED: readonly Buffer[] = [10, 1_000, 40_000_000].map((size) => gzipSync(Buffer.alloc(size, 0x20)))

/** A task's message of either version of Celery's protocol, with headers, properties or a body that are broken. */
export function hostileTask(random: Random, { queue, replies }: Targets): HostileMessage {
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
    else headers[name] = headerOf(random, name)
  }
  const isOld = random.chance(0.1)
  if (isOld) for (const name of ['task', 'id', 'lang']) delete headers[name]
  const body = isOld ? oldBody(random, id) : taskBody(random)
  if (ZIPPED.includes(body) && random.chance(0.8)) headers.compression = 'application/x-gzip'
  const options = { headers, correlationId: id, replyTo: random.pick([...replies, 'nobody']), ...properties(random) }
  return {
    kind: 'task',
    exchange: '',
    routingKey: queue,
    options,
    body: isOld ? oldBody(random, id) : taskBody(random),
  }
}

function taskBody(random: Random): Buffer {
  const dice = random.next()
  if (dice < 0.1) return random.bytes(random.below(500))
  if (dice < 0.2) return Buffer.from(anyJson(random))
  if (dice < 0.25) return random.pick(ZIPPED)
  const args = random.chance(0.5) ? '[0]' : anyJson(random)
  const kwargs = random.chance(0.6) ? '{}' : anyJson(random)
  const embed = random.chance(0.3) ? anyJson(random) : JSON.stringify(hostileEmbed(random))
  const text = `[${args}, ${kwargs}, ${embed}]`
  return Buffer.from(random.chance(0.1) ? text.slice(0, random.below(text.length)) : text)
}

/** Protocol 1: the task is described in the body. */
function oldBody(random: Random, id: string): Buffer {
  const fields: Record<string, string> = {
    task: JSON.stringify(random.pick(TASKS)),
    id: JSON.stringify(id),
    args: '[0]',
    kwargs: '{}',
    retries: '0',
  }
  for (let changes = random.below(4); changes > 0; changes -= 1) fields[random.pick(OLD_FIELDS)] = anyJson(random)
  const links = () => JSON.stringify(hostileEmbed(random)[random.pick(['callbacks', 'chain', 'chord'] as const)])
  if (random.chance(0.2)) fields[random.pick(['callbacks', 'errbacks', 'chord'])] = links()
  const text = Object.entries(fields).map(([name, value]) => `"${name}":${value}`)
  return Buffer.from(`{${text.join(',')}}`)
}

function headerOf(random: Random, name: string): unknown {
  // The broker closes the channel of a sender where these are not lists of texts, and copies the message to each queue.
  if (name === 'CC' || name === 'BCC')
    return Array.from({ length: random.below(3) }, () => anyText(random).slice(0, 100))
  return anyHeader(random)
}
