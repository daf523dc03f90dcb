import type { Headers, HeaderValue } from '../../protocol/wire.ts'
import { preconditionFailed } from './refusal.ts'

/** A queue's `x-` arguments, decoded. */
export interface QueueSettings {
  readonly type: 'classic' | 'quorum'
  /** Milliseconds a message may wait. */
  readonly messageTtl: number
  /** Milliseconds without use after which the queue is deleted. */
  readonly expires: number | undefined
  readonly maxLength: number
  readonly maxLengthBytes: number
  readonly overflow: 'drop-head' | 'reject-publish' | 'reject-publish-dlx'
  readonly deadLetterExchange: string | undefined
  readonly deadLetterRoutingKey: string | undefined
  readonly maxPriority: number | undefined
  /** How often a message may come back before it is dropped or dead-lettered (quorum queues). */
  readonly deliveryLimit: number
  readonly singleActiveConsumer: boolean
}

/** The fields of `queue.declare`. */
export interface QueueDeclaration {
  readonly name: string
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly arguments: Headers
}

/** The arguments that must be equal when a queue is declared again. */
export const COMPARED_ARGUMENTS: readonly string[] = [
  'x-expires',
  'x-message-ttl',
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-dead-letter-strategy',
  'x-max-length',
  'x-max-length-bytes',
  'x-max-priority',
  'x-overflow',
  'x-queue-mode',
  'x-single-active-consumer',
  'x-queue-type',
]

const CLASSIC_ONLY: readonly string[] = ['x-max-priority', 'x-queue-mode']
const QUORUM_ONLY: readonly string[] = ['x-delivery-limit', 'x-dead-letter-strategy']

/** Reads a queue's arguments. Throws a refusal in RabbitMQ's words, which name the argument. */
export function parseQueueSettings(declaration: QueueDeclaration, title: string): QueueSettings {
  const args = declaration.arguments
  const refuse = (name: string, why: string) => preconditionFailed(`invalid arg '${name}' for ${title}: ${why}`)
  const integer = (name: string, least: 0 | 1, most: number): number | undefined => {
    const value = args[name]
    if (value === undefined) return undefined
    const given = typeof value === 'bigint' ? Number(value) : value
    if (typeof given !== 'number' || !Number.isInteger(given)) {
      throw refuse(name, `"expected integer, got ${typeName(value)}"`)
    }
    if (given < 0) throw refuse(name, `{value_negative,${given}}`)
    if (given < least) throw refuse(name, `{value_zero,${given}}`)
    if (given > most)
      throw refuse(name, name === 'x-max-priority' ? `{max_value_exceeded,${given}}` : `{value_too_large,${given}}`)
    return given
  }
  const text = (name: string): string | undefined => {
    const value = args[name]
    if (value === undefined) return undefined
    if (typeof value !== 'string') throw refuse(name, `{unacceptable_type,${typeName(value)}}`)
    return value
  }
  const deadLetterText = (name: string): string | undefined => {
    const value = args[name]
    if (value === undefined || typeof value === 'string') return value
    throw preconditionFailed(`invalid type '${typeName(value)}' for arg '${name}' in ${title}`)
  }
  const flag = (name: string): boolean => {
    const value = args[name]
    if (value !== undefined && typeof value !== 'boolean') throw refuse(name, `{unacceptable_type,${typeName(value)}}`)
    return value ?? false
  }

  const type = parseType(declaration, title)
  for (const name of type === 'quorum' ? CLASSIC_ONLY : QUORUM_ONLY) {
    if (args[name] !== undefined) {
      throw preconditionFailed(`invalid arg '${name}' for ${title} of queue type rabbit_${type}_queue`)
    }
  }
  const deadLetterExchange = deadLetterText('x-dead-letter-exchange')
  const deadLetterRoutingKey = deadLetterText('x-dead-letter-routing-key')
  if (deadLetterRoutingKey !== undefined && deadLetterExchange === undefined) {
    throw refuse('x-dead-letter-routing-key', 'routing_key_but_no_dlx_defined')
  }
  const overflow = text('x-overflow') ?? 'drop-head'
  if (overflow !== 'drop-head' && overflow !== 'reject-publish' && overflow !== 'reject-publish-dlx') {
    throw refuse('x-overflow', 'invalid_overflow')
  }
  return {
    type,
    messageTtl: integer('x-message-ttl', 0, LONGEST_TTL) ?? Number.POSITIVE_INFINITY,
    expires: integer('x-expires', 1, LONGEST_TTL),
    maxLength: integer('x-max-length', 0, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY,
    maxLengthBytes: integer('x-max-length-bytes', 0, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY,
    overflow,
    deadLetterExchange,
    deadLetterRoutingKey,
    maxPriority: integer('x-max-priority', 0, 255),
    deliveryLimit: integer('x-delivery-limit', 0, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY,
    singleActiveConsumer: flag('x-single-active-consumer'),
  }
}

/** RabbitMQ's bound on a time to live: ten years, in milliseconds. */
export const LONGEST_TTL = 315_360_000_000

function parseType(declaration: QueueDeclaration, title: string): QueueSettings['type'] {
  const type = declaration.arguments['x-queue-type'] ?? 'classic'
  if (type === 'classic') return 'classic'
  if (type !== 'quorum') {
    const why =
      typeof type === 'string' ? `"unsupported queue type '${type}'"` : `{unacceptable_type,${typeName(type)}}`
    throw preconditionFailed(`invalid arg 'x-queue-type' for ${title}: ${why}`)
  }
  const wrong = declaration.exclusive
    ? 'exclusive-owner'
    : declaration.autoDelete
      ? 'auto-delete'
      : declaration.durable
        ? undefined
        : 'non-durable'
  if (wrong !== undefined) throw preconditionFailed(`invalid property '${wrong}' for ${title}`)
  return 'quorum'
}

/** RabbitMQ's name for the type of an argument. */
export function typeName(value: HeaderValue): string {
  switch (typeof value) {
    case 'string':
      return 'longstr'
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'long'
    case 'number':
      if (!Number.isInteger(value)) return 'double'
      return Math.abs(value) < 2 ** 31 ? 'signedint' : 'long'
    case 'object':
      break
  }
  if (value === null) return 'void'
  if (Array.isArray(value)) return 'array'
  return value instanceof Uint8Array ? 'binary' : 'table'
}
