import { LONGEST_QUEUE_NAME } from '../../protocol/companion-queues.ts'
import { pythonRepr } from '../../protocol/python-repr.ts'
import { type ExchangeType, plainQueue, type QueueArgument, type TaskQueue } from '../../protocol/queue/task-queue.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { requireArguments } from '../arguments.ts'
import type { ControlCommand } from '../command.ts'

// Which queues a worker consumes (wire specification 7.4).

/** `app.control.add_consumer(queue, …)`; a queue of the configuration is taken as that has it. */
export const addConsumer: ControlCommand = {
  name: 'add_consumer',
  kind: 'control',
  handle(worker, args) {
    requireArguments('add_consumer', args, ['queue'])
    const queue = readQueue(args)
    worker.consume(queue)
    return { ok: `add consumer ${queue.name}` }
  },
}

/** `app.control.cancel_consumer(queue)`; what is in hand is run. */
export const cancelConsumer: ControlCommand = {
  name: 'cancel_consumer',
  kind: 'control',
  handle(worker, args) {
    requireArguments('cancel_consumer', args, ['queue'])
    const name = nameOf('queue', args.queue)
    worker.leave(name)
    return { ok: `no longer consuming from ${name}` }
  },
}

const EXCHANGE_TYPES: readonly ExchangeType[] = ['direct', 'topic', 'fanout', 'headers']
// AMQP's short texts.
const LONGEST_NAME = 255
const MOST_ARGUMENTS = 32
// kombu's names for what RabbitMQ takes as arguments; the times are in seconds there.
const ARGUMENT_OPTIONS: Readonly<Record<string, readonly [argument: string, factor: number]>> = {
  expires: ['x-expires', 1000],
  message_ttl: ['x-message-ttl', 1000],
  max_length: ['x-max-length', 1],
  max_length_bytes: ['x-max-length-bytes', 1],
  max_priority: ['x-max-priority', 1],
}

/** The queue that a command describes, with kombu's defaults. Throws in Python's words for what no queue can be. */
function readQueue(args: JsonObject): TaskQueue {
  const name = nameOf('queue', args.queue, LONGEST_QUEUE_NAME)
  const plain = plainQueue(name)
  const exchange = given(args.exchange) ? nameOf('exchange', args.exchange) : name
  const type = (given(args.exchange_type) ? args.exchange_type : 'direct') as ExchangeType
  if (!EXCHANGE_TYPES.includes(type)) throw wrong('exchange_type must be direct, topic, fanout or headers')
  const limits = Object.entries(ARGUMENT_OPTIONS).flatMap(([option, [argument, factor]]) =>
    given(args[option]) ? [[argument, numberOf(option, args[option]) * factor] as const] : [],
  )
  return {
    ...plain,
    durable: args.durable !== false,
    autoDelete: args.auto_delete === true,
    arguments: { ...tableOf('queue_arguments', args.queue_arguments), ...Object.fromEntries(limits) },
    exchange: { ...plain.exchange, name: exchange, type },
    routingKey: given(args.routing_key) ? nameOf('routing_key', args.routing_key) : name,
    bindingArguments: tableOf('binding_arguments', args.binding_arguments),
  }
}

function given(value: Json | undefined): boolean {
  return value !== undefined && value !== null && value !== ''
}

function nameOf(option: string, value: Json | undefined, longest = LONGEST_NAME): string {
  const usable = typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= longest
  // Those are the broker's own; it closes the channel that declares one.
  if (!usable || value.startsWith('amq.')) throw wrong(`${option} must be a name of at most ${longest} bytes`)
  return value
}

function numberOf(option: string, value: Json | undefined): number {
  if (typeof value === 'number' && value >= 0 && value < 2 ** 31) return Math.round(value)
  throw wrong(`${option} must be a number`)
}

function tableOf(option: string, value: Json | undefined): Readonly<Record<string, QueueArgument>> {
  if (!given(value)) return {}
  const entries =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined
  const plain = entries?.every(
    ([key, member]) =>
      Buffer.byteLength(key) <= LONGEST_NAME &&
      (typeof member === 'boolean' ||
        Number.isSafeInteger(member) ||
        (typeof member === 'string' && Buffer.byteLength(member) <= LONGEST_NAME)),
  )
  if (entries === undefined || !plain || entries.length > MOST_ARGUMENTS) {
    throw wrong(`${option} must be a small table of texts, whole numbers and booleans`)
  }
  return Object.fromEntries(entries) as Record<string, QueueArgument>
}

function wrong(reason: string): Error {
  return new Error(`ValueError(${pythonRepr(reason)})`)
}
