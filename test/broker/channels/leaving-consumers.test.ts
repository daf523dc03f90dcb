import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { endConsumer, LeavingConsumers } from '../../../src/broker/channels/leaving-consumers.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'

/** A consumer of a broker that has `room` for more. */
class Consumer {
  room = 10
  delivered = 0
  /** How it ended. */
  ended: 'exhausted' | 'cancelled' | undefined
  /** How often answers were held back. */
  tries = 0
  #exhaust: (() => void) | undefined
  readonly subscription = this.#subscription()

  /** It is given as many as it has room for. */
  fill(): void {
    this.deliver(this.room)
    this.#exhaust?.()
  }

  deliver(count: number): void {
    this.delivered += count
    this.room -= count
  }

  #subscription() {
    const consumer = this
    return {
      consumerTag: 'test',
      get room() {
        return consumer.room
      },
      async cancel() {
        consumer.ended ??= 'cancelled'
      },
      cancelExhausted(signal: AbortSignal) {
        consumer.tries += 1
        return new Promise<boolean>((resolve) => {
          signal.addEventListener('abort', () => resolve(false), { once: true })
          consumer.#exhaust = () => {
            consumer.ended = 'exhausted'
            resolve(true)
          }
        })
      },
    }
  }
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    clock.advance(50)
    await setImmediate()
  }
}

const aScene = () => {
  const clock = new ManualClock()
  const gone = new AbortController()
  return { clock, gone, leaving: new LeavingConsumers<Consumer>(clock, gone.signal), consumer: new Consumer() }
}

it('ends a consumer when it has as many messages as it may', async () => {
  const { leaving, consumer } = aScene()
  const left = leaving.leave(consumer)
  await setImmediate()
  consumer.fill()
  expect(await left).toBe(true)
  expect(consumer.ended).toBe('exhausted')
})

it('lets one go on to which few messages come, without holding answers back again and again', async () => {
  const { clock, leaving, consumer } = aScene()
  void leaving.leave(consumer)
  for (let second = 0; second < 60; second += 1) {
    await pass(clock, 1_000)
    consumer.delivered += 1
  }
  expect(consumer.ended).toBeUndefined()
  expect(consumer.tries).toBe(1)
})

it('tries again once as many messages come as it has room for', async () => {
  const { clock, leaving, consumer } = aScene()
  const left = leaving.leave(consumer)
  await pass(clock, 1_000)
  consumer.deliver(9)
  while (consumer.tries < 2) await pass(clock, 50)
  consumer.fill()
  expect(await left).toBe(true)
  expect(consumer.ended).toBe('exhausted')
})

it('cancels one to which nothing has come for long', async () => {
  const { clock, leaving, consumer } = aScene()
  const left = leaving.leave(consumer)
  await pass(clock, 60_000)
  expect(await left).toBe(true)
  expect(consumer.ended).toBe('cancelled')
})

it('has one stay that is needed again', async () => {
  const { clock, leaving, consumer } = aScene()
  const left = leaving.leave(consumer)
  await setImmediate()
  leaving.keep(consumer)
  expect(await left).toBe(false)
  await pass(clock, 60_000)
  expect([consumer.ended, leaving.has(consumer)]).toEqual([undefined, false])
})

it('gives up with the channel', async () => {
  const { gone, leaving, consumer } = aScene()
  const left = leaving.leave(consumer)
  await setImmediate()
  gone.abort()
  expect(await left).toBe(false)
  expect(leaving.take()).toEqual([])
})

it('cancels what is wanted no more as soon as no message comes to it', async () => {
  const { clock, consumer } = aScene()
  const ended = endConsumer(consumer, { clock, nothingComes: async () => true })
  for (let n = 0; n < 5; n += 1) {
    consumer.deliver(1)
    await pass(clock, 100)
  }
  expect(consumer.ended).toBeUndefined()
  await pass(clock, 500)
  await ended
  expect(consumer.ended).toBe('cancelled')
})

it('cancels nothing while its queue has messages for it, however late they come', async () => {
  const { clock, consumer } = aScene()
  let ready = 10
  const ended = endConsumer(consumer, { clock, nothingComes: async () => ready === 0 })
  await pass(clock, 2_000)
  expect(consumer.ended).toBeUndefined()
  ready = 0
  await pass(clock, 200)
  await ended
  expect(consumer.ended).toBe('cancelled')
})

it('cancels nothing to which a message came while that was asked', async () => {
  const { clock, consumer } = aScene()
  const asked: (() => void)[] = []
  const ended = endConsumer(consumer, {
    clock,
    nothingComes: () => new Promise((resolve) => asked.push(() => resolve(true))),
  })
  await pass(clock, 200)
  consumer.deliver(1)
  asked[0]?.()
  await pass(clock, 200)
  expect([asked.length, consumer.ended]).toEqual([2, undefined])
  asked[1]?.()
  await ended
  expect(consumer.ended).toBe('cancelled')
})

it('cancels what single messages come to after some seconds', async () => {
  const { clock, consumer } = aScene()
  const ended = endConsumer(consumer, { clock, nothingComes: async () => false })
  await pass(clock, 4_900)
  expect(consumer.ended).toBeUndefined()
  await pass(clock, 300)
  await ended
  expect(consumer.ended).toBe('cancelled')
})
