import type { Headers } from '../../protocol/wire.ts'
import { matchesHeaders, parseHeadersPattern } from './headers-pattern.ts'
import { commandInvalid } from './refusal.ts'
import { matchesTopic, wordsOf } from './topic-pattern.ts'

/** The destination of a binding. */
export interface Destination {
  readonly kind: 'queue' | 'exchange'
  readonly name: string
}

/** One binding. Two are the same when source, destination, key and arguments are. */
export interface Binding {
  readonly source: string
  readonly destination: Destination
  readonly routingKey: string
  readonly arguments: Headers
}

/** The fields of `exchange.declare`. */
export interface ExchangeDeclaration {
  readonly name: string
  readonly type: string
  readonly durable: boolean
  readonly autoDelete: boolean
  /** Takes messages from other exchanges only. */
  readonly internal: boolean
  readonly arguments: Headers
}

/** The parts of a message that an exchange routes by; headers are decoded only where the exchange compares them. */
export interface Routable {
  readonly routingKeys: readonly string[]
  headers(): Headers
}

/** Where a message goes from here: one rule a type, over the bindings given to it. */
interface Rule {
  add(binding: Binding): void
  remove(binding: Binding): void
  matches(message: Routable): Iterable<Binding>
}

const RULES: Readonly<Record<string, () => Rule>> = {
  direct: directRule,
  fanout: () => scanRule(() => () => true),
  topic: () =>
    scanRule(({ routingKey }) => {
      const pattern = wordsOf(routingKey)
      return (message) => message.routingKeys.some((key) => matchesTopic(pattern, wordsOf(key)))
    }),
  headers: () =>
    scanRule((binding) => {
      const pattern = parseHeadersPattern(binding.arguments)
      return (message) => matchesHeaders(pattern, message.headers())
    }),
}

/** The exchanges of every virtual host, by name, with their types. */
export const PREDECLARED: ReadonlyMap<string, string> = new Map([
  ['', 'direct'],
  ['amq.direct', 'direct'],
  ['amq.fanout', 'fanout'],
  ['amq.topic', 'topic'],
  ['amq.headers', 'headers'],
  ['amq.match', 'headers'],
])

/** An exchange and its bindings. */
export class Exchange {
  readonly declaration: ExchangeDeclaration
  readonly #bindings = new Set<Binding>()
  readonly #rule: Rule

  /** Throws a refusal when the type is unknown. */
  constructor(declaration: ExchangeDeclaration) {
    const rule = Object.hasOwn(RULES, declaration.type) ? RULES[declaration.type] : undefined
    if (rule === undefined) throw commandInvalid(`unknown exchange type '${declaration.type}'`)
    this.declaration = declaration
    this.#rule = rule()
  }

  get name(): string {
    return this.declaration.name
  }

  /** Where messages go that match no binding. */
  get alternate(): string | undefined {
    const name = this.declaration.arguments['alternate-exchange']
    return typeof name === 'string' ? name : undefined
  }

  get bindings(): ReadonlySet<Binding> {
    return this.#bindings
  }

  /** Throws a refusal when the binding's arguments can't be used with this type. */
  add(binding: Binding): void {
    this.#rule.add(binding)
    this.#bindings.add(binding)
  }

  remove(binding: Binding): void {
    this.#rule.remove(binding)
    this.#bindings.delete(binding)
  }

  route(message: Routable): Iterable<Binding> {
    return this.#rule.matches(message)
  }
}

function directRule(): Rule {
  const byKey = new Map<string, Set<Binding>>()
  return {
    add(binding) {
      const bindings = byKey.get(binding.routingKey)
      if (bindings === undefined) byKey.set(binding.routingKey, new Set([binding]))
      else bindings.add(binding)
    },
    remove(binding) {
      const bindings = byKey.get(binding.routingKey)
      bindings?.delete(binding)
      if (bindings?.size === 0) byKey.delete(binding.routingKey)
    },
    *matches({ routingKeys }) {
      for (const key of routingKeys) yield* byKey.get(key) ?? []
    },
  }
}

function scanRule(compile: (binding: Binding) => (message: Routable) => boolean): Rule {
  const tests = new Map<Binding, (message: Routable) => boolean>()
  return {
    add: (binding) => tests.set(binding, compile(binding)),
    remove: (binding) => tests.delete(binding),
    *matches(message) {
      for (const [binding, matches] of tests) if (matches(message)) yield binding
    },
  }
}
