import { messageOf, TwqError } from '../errors.ts'
import { taskQueueOf } from '../protocol/companion-queues.ts'
import type { Outgoing } from '../protocol/wire.ts'
import { shellWord } from '../runtime/text/shell-word.ts'
import { oversizeError, readOversize } from './message-size.ts'

/** The reply code and text with which the broker closed a connection or a channel. */
export interface Refusal {
  /** AMQP reply code: 403, 404, 406, 320 … */
  readonly code: number
  /** The reply text: `NOT_FOUND - no queue 'x' in vhost '/'`. */
  readonly text: string
}

/** Something exists with another setting than the one asked for. */
export interface Inequivalence {
  readonly argument: string
  readonly kind: string
  readonly name: string
  readonly wanted: string
  readonly found: string
}

/** Why an open connection ended. */
export function connectionFailure(error: unknown, where: string): TwqError {
  if (TwqError.is(error)) return error
  const refusal = readRefusal(error)
  const what = refusal === undefined ? messageOf(error) : `${refusal.code} ${refusal.text}`
  const who = refusal === undefined ? `the connection to ${where} was lost` : `${where} closed the connection`
  return new TwqError('TWQ_CONNECTION_LOST', `${who}: ${what}`, { hint: limitHint(what), cause: error })
}

/** Why the broker closed a channel. */
export function channelFailure(error: unknown): TwqError {
  if (TwqError.is(error)) return error
  const refusal = readRefusal(error)
  if (refusal === undefined)
    return new TwqError('TWQ_CHANNEL_CLOSED', `the channel was closed: ${messageOf(error)}`, { cause: error })
  return refusalFailure(refusal, error)
}

/**
 * The error for a connection that the broker closed over one request (AMQP 541); undefined for every other error.
 * RabbitMQ 4 closes it for a feature that is disabled there, and for a request that needs a majority of its nodes.
 */
export function connectionRefusal(error: unknown): TwqError | undefined {
  if (!TwqError.is(error, 'TWQ_CONNECTION_LOST')) return undefined
  const refusal = readRefusal(error.cause)
  if (refusal?.code !== 541) return undefined
  const feature = deniedFeature(refusal.text)
  if (feature !== undefined) {
    return new TwqError('TWQ_QUEUE_MISMATCH', `the broker has disabled the feature ${feature}`, {
      hint: `Do without it, or permit it in rabbitmq.conf for as long as there is that: deprecated_features.permit.${feature} = true`,
      cause: error.cause,
    })
  }
  return new TwqError('TWQ_QUEUE_DOWN', `the broker could not carry it out: ${sayOf(refusal.text)}`, {
    hint: 'The cluster may have lost its majority, or the queue its leader: rabbitmqctl cluster_status',
    cause: error.cause,
  })
}

/** The deprecated feature that a broker names as denied: RabbitMQ's deprecated_features. */
export function deniedFeature(text: string): string | undefined {
  return /Feature `?(\w+)`? is deprecated/.exec(text)?.[1]
}

// 3.x; from 4.0 on, after a minute of silence, of a node that was lost; and of one that was stopped in order.
const LOST_NODE = [
  /home node .* is down or inaccessible/,
  /failed to perform operation on queue .* due to timeout/,
  /process is stopped by supervisor/,
]

function isAboutLostNode(text: string): boolean {
  return LOST_NODE.some((pattern) => pattern.test(text))
}

/** The error of twq for a refusal of the broker. */
export function refusalFailure({ code, text }: Refusal, cause: unknown): TwqError {
  const fail = (
    kind:
      | 'TWQ_BROKER_PERMISSION'
      | 'TWQ_QUEUE_MISSING'
      | 'TWQ_QUEUE_DOWN'
      | 'TWQ_QUEUE_LOCKED'
      | 'TWQ_QUEUE_MISMATCH'
      | 'TWQ_CHANNEL_CLOSED'
      | 'TWQ_CONSUMER_TIMEOUT',
    what: string,
    hint?: string,
  ) => new TwqError(kind, what, { hint, cause })

  if (code === 405 || (code === 403 && /in exclusive use/.test(text))) {
    return fail(
      'TWQ_QUEUE_LOCKED',
      `another connection has it for itself: ${sayOf(text)}`,
      'See whose connection that is: rabbitmqctl list_queues name exclusive owner_pid exclusive_consumer_pid',
    )
  }
  if (code === 403) {
    return fail('TWQ_BROKER_PERMISSION', `the broker refused: ${sayOf(text)}`, permissionHint(text, messageOf(cause)))
  }
  if (code === 404 && isAboutLostNode(text)) {
    return fail(
      'TWQ_QUEUE_DOWN',
      `a node of the broker is away: ${sayOf(text)}`,
      'The queue is back with that node. A quorum queue lives on several nodes: declare it with x-queue-type quorum.',
    )
  }
  if (code === 404) {
    const task = taskQueueOf(/^NOT_FOUND - no queue '(.*)' in vhost '/s.exec(text)?.[1] ?? '')
    const declare =
      task === undefined
        ? 'or declare it first.'
        : `or declare it first: a worker of ${task} does as it starts, or twq queue declare ${shellWord(task)}`
    return fail('TWQ_QUEUE_MISSING', `the broker has ${sayOf(text)}`, `Check the name and the vhost, ${declare}`)
  }
  const difference = parseInequivalence(text)
  if (difference !== undefined) {
    const { kind, name, argument, wanted, found } = difference
    return fail(
      'TWQ_QUEUE_MISMATCH',
      `${kind} "${name}" exists with ${argument} ${found}, and ${wanted} was asked for`,
      `Use another name, declare it on both sides with the same ${argument}, or delete it when it is unused${kind === 'queue' ? `: rabbitmqctl delete_queue ${shellWord(name)}` : '.'}`,
    )
  }
  if (code === 406 && /^PRECONDITION_FAILED - invalid arg/.test(text)) {
    return fail('TWQ_QUEUE_MISMATCH', `the broker refused an argument: ${sayOf(text)}`)
  }
  if (code === 406 && /delivery acknowledgement on channel .* timed out/.test(text)) {
    const timeout = /Timeout value used: (\d+)/.exec(text)?.[1]
    return fail(
      'TWQ_CONSUMER_TIMEOUT',
      `the broker took the messages back: one was not acknowledged within its consumer timeout${timeout === undefined ? '' : ` of ${Number(timeout) / 1_000} s`}`,
      CONSUMER_TIMEOUT_HINT,
    )
  }
  const oversize = code === 406 ? readOversize(text) : undefined
  if (oversize !== undefined) return oversizeError(oversize, cause)
  return fail('TWQ_CHANNEL_CLOSED', `the broker closed the channel: ${code} ${text}`, limitHint(text))
}

/** Where a limit that an operator has set on connections, channels or queues is seen and raised; undefined for every other refusal. */
export function limitHint(text: string): string | undefined {
  if (!/\blimit (?:in .*)?\(\d+\) is reached|maximum allowed user limit/s.test(text)) return undefined
  const user = /for user '([^']*)'/.exec(text)?.[1]
  const vhost = /vhost '([^']*)'/.exec(text)?.[1]
  if (vhost !== undefined) return `See the limit, and raise it: rabbitmqctl list_vhost_limits -p ${shellWord(vhost)}`
  if (user !== undefined) return `See the limit, and raise it: rabbitmqctl list_user_limits --user ${shellWord(user)}`
  return 'The limit is one of the node: connection_max or cluster_queue_limit in rabbitmq.conf'
}

/** The permission that a user lacks, where the error names it, and how it is granted. `failure` is amqplib's text, which may name the method. */
function permissionHint(text: string, failure: string): string {
  const user = shellWord(/for user '([^']*)'/.exec(text)?.[1] ?? 'USER')
  const vhost = shellWord(/in vhost '([^']*)'/.exec(text)?.[1] ?? '/')
  const lacking = lackingPermission(text, failure)
  return [
    `${lacking === undefined ? '' : `The ${lacking} permission is missing. `}See what it has: rabbitmqctl list_user_permissions ${user}`,
    `Grant it: rabbitmqctl set_permissions -p ${vhost} ${user} '.*' '.*' '.*'   (configure, write, read; what a worker and a client need at least: docs/operations.md#what-rabbitmq-must-permit)`,
  ].join('\n')
}

/** The permission that a refusal is about: newer brokers name it, of older ones the method and the object tell. */
function lackingPermission(text: string, failure: string): 'configure' | 'write' | 'read' | undefined {
  const named = /\b(configure|write|read) access to /.exec(text)?.[1]
  if (named !== undefined) return named as 'configure' | 'write' | 'read'
  const isExchange = /access to (topic|exchange) '/.test(text)
  const method = /^Operation failed: (\w+);/.exec(failure)?.[1]
  switch (method) {
    case undefined:
      // A publish awaits no answer of its own; the default exchange can only be published to.
      return text.includes("exchange 'amq.default'") ? 'write' : undefined
    case 'QueueBind':
    case 'QueueUnbind':
      return isExchange ? 'read' : 'write'
    case 'BasicConsume':
    case 'BasicGet':
    case 'QueuePurge':
      return 'read'
    case 'ExchangeDeclare':
    case 'ExchangeDelete':
      return 'configure'
    case 'QueueDeclare':
    case 'QueueDelete':
      // The exchange is that of its dead letters.
      return isExchange ? 'write' : 'configure'
    default:
      return undefined
  }
}

/** The hint for a task that runs longer than the broker waits. */
export const CONSUMER_TIMEOUT_HINT =
  'Split the task, give it a hard time limit below that, use acks: early for it, or raise consumer_timeout on the broker.'

/** The broker's reply code and text, out of amqplib's error. */
export function readRefusal(error: unknown): Refusal | undefined {
  const said = /\b(\d{3}) \([A-Z0-9_-]+\) with message "(.*)"$/s.exec(messageOf(error))
  return said === null ? undefined : { code: Number(said[1]), text: said[2] ?? '' }
}

/** Reads `inequivalent arg 'x' for queue 'q' in vhost '/': received 'a' but current is 'b'`. */
export function parseInequivalence(text: string): Inequivalence | undefined {
  const said = /inequivalent arg '([^']*)' for (\w+) '(.*)' in vhost '.*': received (.*) but current is (.*)$/s.exec(
    text,
  )
  if (said === null) return undefined
  const [, argument = '', kind = '', name = '', wanted = '', found = ''] = said
  return { argument, kind, name, wanted: plain(wanted), found: plain(found) }
}

/** The exchange that a 404 or 403 is about; the default one is called `amq.default` there. */
export function exchangeNamed(text: string): string | undefined {
  const name = /\bexchange '(.*)' in vhost '/s.exec(text)?.[1]
  return name === 'amq.default' ? '' : name
}

// `the value 'quorum' of type 'longstr'`, `'true'`, `none`
function plain(value: string): string {
  const quoted = /^(?:the value )?'(.*?)'(?: of type '.*')?$/s.exec(value.trim())
  return quoted?.[1] ?? value.trim().replace(/^the value /, '')
}

function sayOf(text: string): string {
  return text.replace(/^[A-Z_]+ - /, '')
}

const CLOSED_IT = 'made the broker close the channel'

/** The message alone made the broker close the channel. */
export function poisonous({ outgoing: { route } }: { readonly outgoing: Outgoing }, cause: Error): TwqError {
  return new TwqError(
    'TWQ_PUBLISH_REFUSED',
    `a message to exchange "${route.exchange}" with routing key "${route.routingKey}" ${CLOSED_IT}: ${cause.message}`,
    { cause },
  )
}

/** Whether it is an error of `poisonous`: another try ends another channel. */
export function isPoisonous(error: unknown): error is TwqError {
  return TwqError.is(error, 'TWQ_PUBLISH_REFUSED') && error.message.includes(CLOSED_IT)
}

/** A publisher holds as many messages as it may; `obstacle` says why none leaves, if that is known. */
export function publishOverflow(outstanding: number, bytes: number, obstacle: string): TwqError {
  return new TwqError(
    'TWQ_PUBLISH_OVERFLOW',
    `${outstanding} messages (${bytes} bytes) wait for the broker's confirm already${obstacle}`,
    { hint: 'Send more slowly, or wait until the broker is back.' },
  )
}

/** The publisher is over. */
export function publisherClosed(): TwqError {
  return new TwqError('TWQ_CLOSED', 'the publisher was closed', {
    hint: 'This program closed its client or worker before the message was confirmed: await what it sends first.',
  })
}

/** A message was not confirmed within `timeout` milliseconds. */
export function publishTimeout(timeout: number, obstacle: string): TwqError {
  return new TwqError('TWQ_PUBLISH_TIMEOUT', `the broker did not confirm a message within ${timeout} ms${obstacle}`, {
    hint: 'It may have been stored nevertheless: sending it again may run the task twice.',
  })
}
