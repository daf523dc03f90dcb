import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Headers } from '../../protocol/wire.ts'
import { type Clock, systemClock } from '../../runtime/time/clock.ts'
import { Budget, costOf } from './budget.ts'
import { type DeathReason, deadLetter, isCycle } from './dead-letters.ts'
import { checkSameExchange, checkSameQueue } from './equivalence.ts'
import { type Binding, type Destination, Exchange, type ExchangeDeclaration, PREDECLARED } from './exchange.ts'
import { headersOf, type Message } from './message.ts'
import { Queue } from './queue.ts'
import { parseQueueSettings, type QueueDeclaration } from './queue-settings.ts'
import { accessRefused, notFound, preconditionFailed, queueLocked } from './refusal.ts'

/** The result of a publish. */
export interface Publication {
  /** How many queues the message was meant for. */
  readonly queues: number
  /** False when one of them was full and refused it. */
  readonly accepted: boolean
}

/** A binding, as a bind or an unbind names it. */
export interface BindingRequest {
  readonly source: string
  readonly destination: Destination
  readonly routingKey: string
  readonly arguments: Headers
}

/**
 * The routing engine: exchanges, bindings and queues of one virtual host, in memory. It behaves as RabbitMQ 3.10 does
 * and refuses in its words (`Refusal`). Everything happens at once, within the call; time comes from the clock.
 * `owner` is an object that stands for a connection: exclusive queues belong to one.
 */
export class VirtualHost {
  readonly name: string
  readonly clock: Clock
  /** The memory for queues, exchanges and bindings. */
  readonly budget: Budget
  readonly #exchanges = new Map<string, Exchange>()
  readonly #queues = new Map<string, Queue>()
  readonly #bindingsTo = new Map<string, Set<Binding>>()
  readonly #onHeld: (bytes: number) => void
  readonly #dead: { readonly message: Message; readonly automatic: boolean }[] = []
  #burying = false

  constructor(
    name: string,
    options: { readonly clock?: Clock; readonly budget?: Budget; readonly onHeld?: (bytes: number) => void } = {},
  ) {
    this.name = name
    this.budget = options.budget ?? new Budget(Number.POSITIVE_INFINITY)
    this.clock = options.clock ?? systemClock
    this.#onHeld = options.onHeld ?? (() => {})
    for (const [exchange, type] of PREDECLARED) {
      const declaration = { name: exchange, type, durable: true, autoDelete: false, internal: false, arguments: {} }
      this.#exchanges.set(exchange, new Exchange(declaration))
    }
  }

  /** Publishes to an exchange. Throws a refusal when that does not exist or takes no publishes. */
  publish(message: Message): Publication {
    const exchange = this.exchange(message.exchange)
    if (exchange.declaration.internal) {
      throw accessRefused(`cannot publish to internal ${this.#exchangeTitle(message.exchange)}`)
    }
    return this.#deliver(message, this.#route(exchange, message))
  }

  /** A passive declare. */
  inspectExchange(name: string): void {
    if (name === '') throw accessRefused(DEFAULT_EXCHANGE)
    this.exchange(name)
  }

  exchange(name: string): Exchange {
    const exchange = this.#exchanges.get(name)
    if (exchange === undefined) throw notFound(`no ${this.#exchangeTitle(name)}`)
    return exchange
  }

  /** Finds a queue for a connection. Throws a refusal when it is missing, or exclusive to another connection. */
  queue(name: string, owner: object): Queue {
    const queue = this.#queues.get(name)
    if (queue === undefined) throw notFound(`no ${this.#queueTitle(name)}`)
    if (queue.owner !== undefined && queue.owner !== owner) throw queueLocked(queue.title)
    return queue
  }

  declareExchange(declaration: ExchangeDeclaration): void {
    if (declaration.name === '') throw accessRefused(DEFAULT_EXCHANGE)
    const known = this.#exchanges.get(declaration.name)
    if (known !== undefined) {
      checkSameExchange(known.declaration, declaration, this.#exchangeTitle(declaration.name))
      return
    }
    const exchange = new Exchange(declaration)
    if (declaration.name.startsWith('amq.')) {
      throw accessRefused(`exchange name '${declaration.name}' contains reserved prefix 'amq.*'`)
    }
    this.budget.take(costOf(declaration), this.#exchangeTitle(declaration.name))
    this.#exchanges.set(declaration.name, exchange)
  }

  deleteExchange(name: string, options: { readonly ifUnused: boolean }): void {
    if (name === '') throw accessRefused(DEFAULT_EXCHANGE)
    if (PREDECLARED.has(name)) throw accessRefused(`deletion of system ${this.#exchangeTitle(name)} not allowed`)
    const exchange = this.#exchanges.get(name)
    if (exchange === undefined) return
    if (options.ifUnused && exchange.bindings.size > 0) throw preconditionFailed(`${this.#exchangeTitle(name)} in use`)
    this.#removeExchange(exchange)
  }

  declareQueue(declaration: QueueDeclaration, owner: object): Queue {
    const known = this.#queues.get(declaration.name)
    if (known !== undefined) {
      if (known.owner !== undefined && known.owner !== owner) throw queueLocked(known.title)
      checkSameQueue(known.declaration, declaration, known.title)
      known.touch()
      return known
    }
    if (declaration.name.startsWith('amq.')) {
      throw accessRefused(`queue name '${declaration.name}' contains reserved prefix 'amq.*'`)
    }
    const name = declaration.name === '' ? `amq.gen-${randomBytes(16).toString('base64url')}` : declaration.name
    const title = this.#queueTitle(name)
    const settings = parseQueueSettings(declaration, title)
    const named = { ...declaration, name }
    this.budget.take(costOf(named), title)
    const queue: Queue = new Queue(named, settings, {
      clock: this.clock,
      owner: declaration.exclusive ? owner : undefined,
      title,
      onDead: (message, reason) => this.#bury(queue, message, reason),
      onUnused: () => this.#removeQueue(queue),
      onHeld: this.#onHeld,
    })
    this.#queues.set(name, queue)
    return queue
  }

  /** Deletes a queue and returns how many messages were ready in it; 0 when there is none of that name. */
  deleteQueue(name: string, owner: object, options: { readonly ifUnused: boolean; readonly ifEmpty: boolean }): number {
    if (!this.#queues.has(name)) return 0
    const queue = this.queue(name, owner)
    if (options.ifUnused && queue.consumers > 0) throw preconditionFailed(`${queue.title} in use`)
    if (options.ifEmpty && queue.ready > 0) throw preconditionFailed(`${queue.title} not empty`)
    const { ready } = queue
    this.#removeQueue(queue)
    return ready
  }

  bind(request: BindingRequest, owner: object): void {
    const { source, destination } = this.#ends(request, owner)
    if (this.#find(request) !== undefined) return
    const { routingKey, arguments: args } = request
    const binding: Binding = { source: source.name, destination, routingKey, arguments: args }
    this.budget.take(costOf(binding), `a binding to ${destination.kind} '${destination.name}'`)
    source.add(binding)
    const key = keyOf(destination)
    const bindings = this.#bindingsTo.get(key)
    if (bindings === undefined) this.#bindingsTo.set(key, new Set([binding]))
    else bindings.add(binding)
  }

  unbind(request: BindingRequest, owner: object): void {
    this.#ends(request, owner)
    const binding = this.#find(request)
    if (binding !== undefined) this.#unbind(binding)
  }

  /** A connection is over: its exclusive queues go. */
  ownerGone(owner: object): void {
    for (const queue of [...this.#queues.values()]) if (queue.owner === owner) this.#removeQueue(queue)
  }

  /** Ends all queues and their timers. */
  close(): void {
    for (const queue of this.#queues.values()) queue.close()
    this.#queues.clear()
  }

  #deliver(message: Message, queues: ReadonlySet<Queue>): Publication {
    let accepted = true
    for (const queue of queues) accepted = queue.publish(message) && accepted
    return { queues: queues.size, accepted }
  }

  // Each exchange is visited once, so bindings in a circle end.
  #route(first: Exchange, message: Message): Set<Queue> {
    const queues = new Set<Queue>()
    const seen = new Set<Exchange>([first])
    const visit = (name: string): void => {
      const exchange = this.#exchanges.get(name)
      if (exchange !== undefined) seen.add(exchange)
    }
    let decoded: Headers | undefined
    const routable = { routingKeys: message.routingKeys, headers: () => (decoded ??= headersOf(message)) }
    for (const exchange of seen) {
      if (exchange.name === '') {
        for (const key of message.routingKeys) {
          const queue = this.#queues.get(key)
          if (queue !== undefined) queues.add(queue)
        }
        continue
      }
      let matched = false
      for (const { destination } of exchange.route(routable)) {
        matched = true
        if (destination.kind === 'exchange') visit(destination.name)
        else queues.add(this.#queues.get(destination.name) as Queue)
      }
      if (!matched && exchange.alternate !== undefined) visit(exchange.alternate)
    }
    return queues
  }

  // One dead message may make others die; they queue up here, so that no chain of queues is too long for the stack.
  #bury(queue: Queue, message: Message, reason: DeathReason): void {
    const { deadLetterExchange, deadLetterRoutingKey } = queue.settings
    if (deadLetterExchange === undefined) return
    const death = { queue: queue.name, reason, time: Math.floor(this.clock.now() / 1000) }
    const target = { exchange: deadLetterExchange, routingKey: deadLetterRoutingKey }
    this.#dead.push({ message: deadLetter(message, death, target), automatic: reason !== 'rejected' })
    if (this.#burying) return
    this.#burying = true
    try {
      for (let next = this.#dead.shift(); next !== undefined; next = this.#dead.shift()) {
        const exchange = this.#exchanges.get(next.message.exchange)
        if (exchange === undefined) continue
        const { message: letter, automatic } = next
        const queues = [...this.#route(exchange, letter)]
        this.#deliver(letter, new Set(automatic ? queues.filter(({ name }) => !isCycle(letter, name)) : queues))
      }
    } finally {
      this.#burying = false
    }
  }

  #removeQueue(queue: Queue): void {
    if (this.#queues.get(queue.name) !== queue) return
    this.#queues.delete(queue.name)
    this.budget.give(costOf(queue.declaration))
    for (const binding of this.#bindingsTo.get(keyOf({ kind: 'queue', name: queue.name })) ?? []) this.#unbind(binding)
    queue.close()
  }

  #removeExchange(exchange: Exchange): void {
    // One that is deleted automatically goes with its last binding, and may be gone already.
    if (!this.#exchanges.delete(exchange.name)) return
    this.budget.give(costOf(exchange.declaration))
    for (const binding of [...exchange.bindings]) this.#unbind(binding)
    const incoming = this.#bindingsTo.get(keyOf({ kind: 'exchange', name: exchange.name }))
    for (const binding of incoming ?? []) this.#unbind(binding)
  }

  #unbind(binding: Binding): void {
    const key = keyOf(binding.destination)
    const bindings = this.#bindingsTo.get(key)
    if (bindings?.delete(binding)) this.budget.give(costOf(binding))
    if (bindings?.size === 0) this.#bindingsTo.delete(key)
    const source = this.#exchanges.get(binding.source)
    if (source === undefined) return
    source.remove(binding)
    if (source.declaration.autoDelete && source.bindings.size === 0) this.#removeExchange(source)
  }

  #ends({ source, destination }: BindingRequest, owner: object): { source: Exchange; destination: Destination } {
    if (destination.kind === 'queue') this.queue(destination.name, owner)
    if (source === '' || (destination.kind === 'exchange' && destination.name === '')) {
      throw accessRefused(DEFAULT_EXCHANGE)
    }
    const from = this.exchange(source)
    if (destination.kind === 'exchange') this.exchange(destination.name)
    return { source: from, destination }
  }

  #find(request: BindingRequest): Binding | undefined {
    for (const binding of this.#bindingsTo.get(keyOf(request.destination)) ?? []) {
      const same = binding.source === request.source && binding.routingKey === request.routingKey
      if (same && isDeepStrictEqual(binding.arguments, request.arguments)) return binding
    }
    return undefined
  }

  #queueTitle(name: string): string {
    return `queue '${name}' in vhost '${this.name}'`
  }

  #exchangeTitle(name: string): string {
    return `exchange '${name}' in vhost '${this.name}'`
  }
}

const DEFAULT_EXCHANGE = 'operation not permitted on the default exchange'

const keyOf = (destination: Destination): string => `${destination.kind} ${destination.name}`
