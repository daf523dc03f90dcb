import { heldSize } from '../../runtime/held-size.ts'
import type { Message } from './message.ts'
import { preconditionFailed } from './refusal.ts'

const MESSAGE = 512

/** About how many bytes of memory a message takes in a queue: its body, its headers and properties, and what is kept beside them. */
export function costOfMessage({ exchange, routingKeys, properties, headers, body }: Message): number {
  const described = heldSize(exchange) + heldSize(routingKeys) + heldSize(properties)
  return MESSAGE + described + (headers?.length ?? 0) + body.length
}

/**
 * How much of something else than messages clients may have a broker keep: queues, exchanges, bindings, consumers, channels. It is apart
 * from the bound on messages: a broker that is full of those needs the consumers that empty it.
 */
export class Budget {
  #left: number

  constructor(bytes: number) {
    this.#left = bytes
  }

  /** Takes bytes for something to be kept. Throws a refusal, which ends the channel, when there are not as many left. */
  take(bytes: number, what: string): void {
    if (bytes > this.#left) throw preconditionFailed(`cannot keep ${what}: low on memory`)
    this.#left -= bytes
  }

  /** Gives back what was taken. */
  give(bytes: number): void {
    this.#left += bytes
  }
}

const KEPT = 2_048

/** About how many bytes of memory a queue, an exchange, a binding, a consumer or a channel takes that is described like this. */
export function costOf(description: object): number {
  return KEPT + heldSize(description)
}
