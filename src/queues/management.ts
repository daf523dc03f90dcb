import { parseBrokerUrl } from '../broker/url.ts'
import { messageOf, TwqError } from '../errors.ts'
import { redactUrl } from '../runtime/text/redact-url.ts'
import { timeLimit } from '../runtime/time/time-limit.ts'

/** The facts of RabbitMQ's management API about a queue, beyond AMQP. */
export interface ManagedQueue {
  readonly name: string
  readonly type: string
  /** As the API has it; `minority` for a quorum queue that has lost the majority of its members, by its own word or by those online. */
  readonly state: string
  /** The counts of the last statistics. Undefined where the API has none of the queue: its node sends none, or not yet. */
  readonly ready: number | undefined
  readonly unacked: number | undefined
  readonly consumers: number | undefined
  readonly durable: boolean
  readonly arguments: Readonly<Record<string, unknown>>
  readonly policy: string | undefined
  /** Messages a second. */
  readonly published: number
  readonly delivered: number
  /** The time that the oldest message bears, unacknowledged ones too, where messages bear one and RabbitMQ has it at hand: classic queues. Seconds since the epoch. */
  readonly headTime: number | undefined
  /** Members of a quorum queue, and how many of them ran when the API last asked them; 0 of other queues. */
  readonly members: number
  readonly online: number
}

/** The state of a quorum queue that gives and takes nothing: no more than half of its members are there to agree on anything. */
export const MINORITY = 'minority'

/** RabbitMQ's management API, for one virtual host. */
export interface Management {
  /** Every queue of the virtual host. Rejects with `TWQ_MANAGEMENT`. */
  queues(): Promise<readonly ManagedQueue[]>
}

const COLUMNS = [
  'name',
  'type',
  'state',
  'messages_ready',
  'messages_unacknowledged',
  'consumers',
  'durable',
  'arguments',
  'policy',
  'head_message_timestamp',
  'members',
  'online',
  'message_stats.publish_details.rate',
  'message_stats.deliver_get_details.rate',
]
const PAGE = 500
// Longer lists are not read.
const MOST_PAGES = 40

/**
 * The API at `url`, like `http://localhost:15672`. User and password are the URL's own, or the broker's; the virtual host
 * is the broker's. Throws `TWQ_USAGE` for what is no such URL.
 */
export function managementApi(url: string, broker: string, timeout: number): Management {
  const [address] = parseBrokerUrl(broker)
  const base = baseOf(url)
  const user = base.username === '' ? address.user : decodeURIComponent(base.username)
  const password = base.username === '' ? address.password : decodeURIComponent(base.password)
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const where = base.host

  const page = async (number: number): Promise<unknown> => {
    const path = `${base.pathname.replace(/\/+$/, '')}/api/queues/${encodeURIComponent(address.vhost)}`
    const target = new URL(path, base.origin)
    target.search = `page=${number}&page_size=${PAGE}&columns=${COLUMNS.join(',')}`
    using limit = timeLimit({ ms: timeout, reason: () => new Error(`no answer within ${timeout} ms`) })
    let response: Response
    try {
      response = await fetch(target, { headers: { authorization }, signal: limit.signal })
    } catch (error) {
      throw new TwqError('TWQ_MANAGEMENT', `the management API at ${where} can't be reached`, {
        hint: 'It is a plugin, on port 15672 as a rule: rabbitmq-plugins enable rabbitmq_management',
        cause: error instanceof Error && error.cause instanceof Error ? error.cause : error,
      })
    }
    if (response.ok) return await answerOf(response, where)
    await response.body?.cancel()
    throw new TwqError('TWQ_MANAGEMENT', `the management API at ${where} answered ${response.status}`, {
      hint:
        response.status === 401 || response.status === 403
          ? `The user ${user} needs the tag "management": rabbitmqctl set_user_tags ${user} management`
          : response.status === 404
            ? `Is there a vhost "${address.vhost}", and does the management API live at ${where}?`
            : undefined,
    })
  }
  return {
    async queues() {
      const found: ManagedQueue[] = []
      for (let number = 1; number <= MOST_PAGES; number++) {
        const { items, page_count: pages } = recordOf(await page(number))
        found.push(...(Array.isArray(items) ? items : []).map((item) => queueOf(recordOf(item))))
        if (typeof pages !== 'number' || number >= pages) break
      }
      return found
    },
  }
}

function baseOf(url: string): URL {
  const base = URL.canParse(url) ? new URL(url) : undefined
  if (base !== undefined && /^https?:$/.test(base.protocol)) return base
  throw new TwqError('TWQ_USAGE', `the management API must be a URL like http://localhost:15672, got ${redactUrl(url)}`)
}

async function answerOf(response: Response, where: string): Promise<unknown> {
  try {
    return await response.json()
  } catch (error) {
    throw new TwqError('TWQ_MANAGEMENT', `the server at ${where} is not a management API: ${messageOf(error)}`)
  }
}

function queueOf(item: Readonly<Record<string, unknown>>): ManagedQueue {
  const stats = recordOf(item.message_stats)
  const [members, online] = [lengthOf(item.members), lengthOf(item.online)]
  return {
    name: textOf(item.name),
    type: textOf(item.type) || 'classic',
    // RabbitMQ says so itself at once, while the members online are those of its last statistics; either of them may be late.
    state: online <= members / 2 && members > 0 ? MINORITY : textOf(item.state),
    ready: countOf(item.messages_ready),
    unacked: countOf(item.messages_unacknowledged),
    consumers: countOf(item.consumers),
    durable: item.durable === true,
    arguments: recordOf(item.arguments),
    policy: textOf(item.policy) || undefined,
    published: numberOf(recordOf(stats.publish_details).rate),
    delivered: numberOf(recordOf(stats.deliver_get_details).rate),
    // An empty text where there is none.
    headTime: numberOf(item.head_message_timestamp) || undefined,
    members,
    online,
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function numberOf(value: unknown): number {
  return countOf(value) ?? 0
}
