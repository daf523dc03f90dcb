import { describe, expect, it } from 'vitest'
import { Prefetch, sharesPrefetch } from '../../src/worker/prefetch.ts'

describe('the prefetch count', () => {
  it('is the base plus the requests held for later', async () => {
    const sent: number[] = []
    const prefetch = new Prefetch(10)
    prefetch.attach(async (count) => void sent.push(count), { stepped: false })
    prefetch.hold(1)
    await settled()
    prefetch.hold(-1)
    await settled()
    expect(sent).toEqual([11, 10])
  })

  it('sends only the newest count while a change is under way', async () => {
    const sent: number[] = []
    const prefetch = new Prefetch(10)
    prefetch.attach(async (count) => void sent.push(count), { stepped: false })
    for (let n = 0; n < 100; n += 1) prefetch.hold(1)
    await settled()
    expect(sent).toEqual([11, 110])
  })

  it('never exceeds what AMQP can carry, and leaves "no limit" alone', () => {
    const prefetch = new Prefetch(60_000)
    prefetch.hold(10_000)
    expect(prefetch.count).toBe(65_535)
    const unlimited = new Prefetch(0)
    unlimited.hold(5)
    expect(unlimited.count).toBe(0)
  })

  it('follows the pool, and stays above nothing', async () => {
    const sent: number[] = []
    const prefetch = new Prefetch(4)
    prefetch.attach(async (count) => void sent.push(count), { stepped: false })
    prefetch.widen(2)
    await settled()
    prefetch.hold(3)
    await settled()
    prefetch.widen(-100)
    await settled()
    expect(sent).toEqual([6, 9, 4])
    const unlimited = new Prefetch(0)
    unlimited.widen(5)
    expect(unlimited.count).toBe(0)
  })

  it('changes in few steps where a change is dear', async () => {
    const sent: number[] = []
    const prefetch = new Prefetch(10)
    prefetch.attach(async (count) => void sent.push(count), { stepped: true })
    for (let n = 0; n < 200; n += 1) {
      prefetch.hold(1)
      await settled()
      expect(sent.at(-1)).toBeGreaterThanOrEqual(prefetch.count)
    }
    for (let n = 0; n < 200; n += 1) {
      prefetch.hold(-1)
      await settled()
      expect(sent.at(-1)).toBeGreaterThanOrEqual(prefetch.count)
    }
    expect(sent.length).toBeLessThan(12)
  })

  it('carries the held requests over to a new channel', async () => {
    const sent: number[] = []
    const prefetch = new Prefetch(10)
    prefetch.hold(3)
    prefetch.attach(async (count) => void sent.push(count), { stepped: false })
    await settled()
    expect(sent).toEqual([])
    expect(prefetch.count).toBe(13)
  })

  it.each([
    ['3.10.8', false, true],
    ['3.10.8', true, false],
    ['4.0.2', false, false],
    ['unknown', false, true],
  ])('on RabbitMQ %s, quorum queue %s, is shared by the channel: %s', (version, quorum, shared) => {
    const server = { product: 'RabbitMQ', version, heartbeat: 10, frameMax: 131_072 }
    expect(sharesPrefetch(server, quorum)).toBe(shared)
  })
})

async function settled(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
}
