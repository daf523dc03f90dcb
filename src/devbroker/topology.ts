import type { ServerChannel } from '../broker/memory/channel.ts'
import { commandInvalid } from '../broker/memory/refusal.ts'
import type { VirtualHost } from '../broker/memory/vhost.ts'
import type { Method, MethodArguments, MethodName } from './methods.ts'

/** Where exchanges, queues and bindings are changed, and how the client is answered. */
interface Target {
  readonly engine: ServerChannel
  /** The connection, which owns exclusive queues. */
  readonly owner: { readonly vhost: VirtualHost }
  readonly reply: <Name extends MethodName>(noWait: boolean, name: Name, values: MethodArguments<Name>) => void
}

/** Carries out a method of AMQP's classes `queue` and `exchange`. Throws a refusal; 503 for every other method. */
export function changeTopology(method: Method, target: Target): void {
  const { engine, owner, reply } = target
  const { vhost } = owner
  switch (method.name) {
    case 'queue.declare':
      declareQueue(method.arguments, target)
      return
    case 'queue.bind': {
      const { exchange, noWait } = method.arguments
      vhost.bind(queueBinding(engine, exchange, method.arguments), owner)
      reply(noWait, 'queue.bind-ok', {})
      return
    }
    case 'queue.unbind':
      vhost.unbind(queueBinding(engine, method.arguments.exchange, method.arguments), owner)
      reply(false, 'queue.unbind-ok', {})
      return
    case 'queue.purge':
      reply(method.arguments.noWait, 'queue.purge-ok', { messageCount: engine.purge(method.arguments.queue) })
      return
    case 'queue.delete': {
      const { queue, noWait } = method.arguments
      const messageCount = vhost.deleteQueue(engine.queueName(queue), owner, method.arguments)
      reply(noWait, 'queue.delete-ok', { messageCount })
      return
    }
    case 'exchange.declare': {
      const { exchange, passive, noWait } = method.arguments
      if (passive) vhost.inspectExchange(exchange)
      else vhost.declareExchange({ ...method.arguments, name: exchange })
      reply(noWait, 'exchange.declare-ok', {})
      return
    }
    case 'exchange.delete':
      vhost.deleteExchange(method.arguments.exchange, method.arguments)
      reply(method.arguments.noWait, 'exchange.delete-ok', {})
      return
    case 'exchange.bind':
      vhost.bind(exchangeBinding(method.arguments), owner)
      reply(method.arguments.noWait, 'exchange.bind-ok', {})
      return
    case 'exchange.unbind':
      vhost.unbind(exchangeBinding(method.arguments), owner)
      reply(method.arguments.noWait, 'exchange.unbind-ok', {})
      return
    default:
      throw commandInvalid('unimplemented method')
  }
}

function declareQueue(request: MethodArguments<'queue.declare'>, { engine, reply }: Target): void {
  const queue = request.passive
    ? engine.inspectQueue(request.queue)
    : engine.declareQueue({ ...request, name: request.queue })
  const { name, ready, consumers } = queue
  reply(request.noWait, 'queue.declare-ok', { queue: name, messageCount: ready, consumerCount: consumers })
}

function queueBinding(
  engine: ServerChannel,
  source: string,
  request: MethodArguments<'queue.unbind'> | MethodArguments<'queue.bind'>,
) {
  const name = engine.queueName(request.queue)
  // AMQP: without a queue and without a key, the key is the name of the queue declared last.
  const routingKey = request.queue === '' && request.routingKey === '' ? name : request.routingKey
  return { source, destination: { kind: 'queue' as const, name }, routingKey, arguments: request.arguments }
}

function exchangeBinding({
  destination,
  source,
  routingKey,
  arguments: args,
}: MethodArguments<'exchange.bind'> | MethodArguments<'exchange.unbind'>) {
  return { source, destination: { kind: 'exchange' as const, name: destination }, routingKey, arguments: args }
}
