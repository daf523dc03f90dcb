import type { Options } from 'amqplib'
import type { Random } from './random.ts'
import { anyText } from './values.ts'

/** The properties of a message, up to two of them unusual. */
export function properties(random: Random): Options.Publish {
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
    // The broker closes the channel of a sender with such a property, and drops what that has sent since.
    () => (random.chance(0.01) ? { expiration: 'never', userId: 'somebody' } : {}),
  ]
  for (let count = random.below(3); count > 0; count -= 1) Object.assign(all, random.pick(changes)())
  return all
}

/** As a UUID, from the seed. */
export function uuid(random: Random): string {
  const hex = random.bytes(16).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
