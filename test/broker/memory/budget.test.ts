import { describe, expect, it } from 'vitest'
import { Budget } from '../../../src/broker/memory/budget.ts'
import { type ChannelClient, ServerChannel } from '../../../src/broker/memory/channel.ts'
import { VirtualHost } from '../../../src/broker/memory/vhost.ts'

const OWNER = {}
const QUEUE = { durable: true, exclusive: false, autoDelete: false, arguments: {} }
const EXCHANGE = { type: 'topic', durable: true, autoDelete: false, internal: false, arguments: {} }
const CONSUME = { noAck: true, exclusive: false, arguments: {} }
const CLIENT: ChannelClient = { ready: true, deliver() {}, consumerCancelled() {}, returned() {}, confirmed() {} }

/** How often it can be done until the budget is used up. */
function until(refused: (index: number) => void): number {
  for (let index = 0; index < 1_000; index += 1) {
    try {
      refused(index)
    } catch (error) {
      expect(error).toMatchObject({ code: 406, message: expect.stringContaining('low on memory') })
      return index
    }
  }
  throw new Error('it was never refused')
}

describe('what a virtual host keeps besides messages is bounded', () => {
  const scene = () => {
    const host = new VirtualHost('/', { budget: new Budget(100_000) })
    return { host, channel: new ServerChannel(host, OWNER, CLIENT) }
  }
  const free = (host: VirtualHost) => {
    const names: string[] = []
    const count = until((index) => {
      names.push(host.declareQueue({ ...QUEUE, name: `free-${1_000 + index}` }, OWNER).name)
    })
    for (const name of names) host.deleteQueue(name, OWNER, { ifUnused: false, ifEmpty: false })
    return count
  }

  it('for queues, and what is declared again or deleted costs nothing', () => {
    const { host } = scene()
    const count = free(host)
    expect(count).toBeGreaterThan(20)
    expect(count).toBeLessThan(50)
    for (let turn = 0; turn < 1_000; turn += 1) host.declareQueue({ ...QUEUE, name: 'again' }, OWNER)
    host.deleteQueue('again', OWNER, { ifUnused: false, ifEmpty: false })
    expect(free(host)).toBe(count)
    host.declareQueue({ ...QUEUE, name: 'own', exclusive: true }, OWNER)
    host.ownerGone(OWNER)
    expect(free(host)).toBe(count)
  })

  it('by their arguments, too', () => {
    const { host } = scene()
    const args = { note: 'x'.repeat(20_000) }
    expect(until((index) => void host.declareQueue({ ...QUEUE, name: `q${index}`, arguments: args }, OWNER))).toBe(2)
  })

  it('for exchanges and bindings, which go with either end', () => {
    const { host } = scene()
    const count = free(host)
    for (const end of ['queue', 'exchange']) {
      host.declareExchange({ ...EXCHANGE, name: 'x', autoDelete: end === 'queue' })
      host.declareQueue({ ...QUEUE, name: 'q' }, OWNER)
      const bind = (routingKey: string) =>
        host.bind({ source: 'x', destination: { kind: 'queue', name: 'q' }, routingKey, arguments: {} }, OWNER)
      expect(until((index) => bind(`key-${index}`))).toBeLessThan(50)
      if (end === 'queue') {
        // The exchange is deleted automatically.
        host.deleteQueue('q', OWNER, { ifUnused: false, ifEmpty: false })
        expect(() => host.exchange('x')).toThrow('no exchange')
      } else {
        host.deleteExchange('x', { ifUnused: false })
        host.deleteQueue('q', OWNER, { ifUnused: false, ifEmpty: false })
      }
      expect(free(host)).toBe(count)
    }
  })

  it('for consumers, whether they are cancelled, or end with their queue or their channel', () => {
    const { host, channel } = scene()
    const count = free(host)
    for (const end of ['cancel', 'queue', 'channel']) {
      host.declareQueue({ ...QUEUE, name: 'q' }, OWNER)
      const many = until((index) => void channel.consume({ ...CONSUME, queue: 'q', consumerTag: `c${index}` }))
      expect(many).toBeLessThan(50)
      if (end === 'cancel') for (let index = 0; index < many; index += 1) channel.cancel(`c${index}`)
      if (end === 'channel') channel.close()
      host.deleteQueue('q', OWNER, { ifUnused: false, ifEmpty: false })
      expect(free(host)).toBe(count)
    }
  })

  it('and a consumer that the queue refuses costs nothing', () => {
    const { host, channel } = scene()
    const count = free(host)
    host.declareQueue({ ...QUEUE, name: 'q' }, OWNER)
    channel.consume({ ...CONSUME, queue: 'q', consumerTag: 'only', exclusive: true })
    for (let turn = 0; turn < 100; turn += 1) {
      expect(() => channel.consume({ ...CONSUME, queue: 'q', consumerTag: 'other' })).toThrow('ACCESS_REFUSED')
    }
    host.deleteQueue('q', OWNER, { ifUnused: false, ifEmpty: false })
    expect(free(host)).toBe(count)
  })
})
