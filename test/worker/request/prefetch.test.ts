import { describe, expect, it } from 'vitest'
import { type Place, Prefetch, sharesPrefetch } from '../../../src/worker/request/prefetch.ts'

describe('the prefetch count', () => {
  it('is the base plus the requests held for later', async () => {
    const sent: number[] = []
    const prefetch = new Prefetch(10)
    prefetch.attach(async (count) => void sent.push(count), { stepped: false })
    const place = prefetch.hold()
    await settled()
    prefetch.release(place)
    await settled()
    expect(sent).toEqual([11, 10])
  })

  it('sends only the newest count while a change is under way', async () => {
    const sent: number[] = []
    const prefetch = new Prefetch(10)
    prefetch.attach(async (count) => void sent.push(count), { stepped: false })
    for (let n = 0; n < 100; n += 1) prefetch.hold()
    await settled()
    expect(sent).toEqual([11, 110])
  })

  it('never exceeds what AMQP can carry, and leaves "no limit" alone', () => {
    const prefetch = new Prefetch(60_000)
    for (let n = 0; n < 10_000; n += 1) prefetch.hold()
    expect(prefetch.count).toBe(65_535)
    const unlimited = new Prefetch(0)
    unlimited.hold()
    expect(unlimited.count).toBe(0)
  })

  it('follows the pool, and stays above nothing', async () => {
    const sent: number[] = []
    const prefetch = new Prefetch(4)
    prefetch.attach(async (count) => void sent.push(count), { stepped: false })
    prefetch.widen(2)
    await settled()
    for (let n = 0; n < 3; n += 1) prefetch.lend()
    await settled()
    prefetch.widen(-100)
    await settled()
    expect(sent).toEqual([6, 7, 9, 4])
    const unlimited = new Prefetch(0)
    unlimited.widen(5)
    expect(unlimited.count).toBe(0)
  })

  it('changes in few steps where a change is dear', async () => {
    const sent: number[] = []
    const prefetch = new Prefetch(10)
    prefetch.attach(async (count) => void sent.push(count), { stepped: true })
    const places: Place[] = []
    for (let n = 0; n < 200; n += 1) {
      places.push(prefetch.hold())
      await settled()
      expect(sent.at(-1)).toBeGreaterThanOrEqual(prefetch.count)
    }
    for (const place of places) {
      prefetch.release(place)
      await settled()
      expect(sent.at(-1)).toBeGreaterThanOrEqual(prefetch.count)
    }
    expect(sent.length).toBeLessThan(12)
  })

  it('makes up on a new channel for nothing that was held on the one before', async () => {
    const sent: number[] = []
    const apply = async (count: number) => void sent.push(count)
    const prefetch = new Prefetch(10)
    const before = [prefetch.hold(), prefetch.lend()]
    expect(prefetch.count).toBe(12)
    const applied = prefetch.begin()
    expect(applied).toBe(10)
    prefetch.attach(apply, { stepped: false, applied })
    const place = prefetch.hold()
    for (const other of before) prefetch.release(other)
    await settled()
    prefetch.release(place)
    await settled()
    expect(sent).toEqual([11, 10])
  })

  it('asks for another channel where many are held, again and again until there is one', () => {
    let asked = 0
    const prefetch = new Prefetch(10)
    const attach = () =>
      prefetch.attach(async () => {}, {
        stepped: false,
        onCrowded: () => {
          asked += 1
        },
      })
    const hold = (count: number) => {
      for (let n = 0; n < count; n += 1) prefetch.hold()
    }
    attach()
    for (let n = 0; n < 1_000; n += 1) prefetch.lend()
    hold(199)
    expect(asked).toBe(0)
    hold(1)
    expect(asked).toBe(1)
    hold(400)
    expect(asked).toBe(3)
    prefetch.begin()
    attach()
    hold(199)
    expect(asked).toBe(3)
    hold(1)
    expect(asked).toBe(4)
  })

  it('grows and shrinks by the work-ahead window', async () => {
    const sent: number[] = []
    const prefetch = new Prefetch(10)
    prefetch.attach(async (count) => void sent.push(count), { stepped: false })
    prefetch.lookAhead(100)
    expect(prefetch.upToDate).toBe(false)
    await settled()
    expect(prefetch.upToDate).toBe(true)
    prefetch.lookAhead(0)
    await settled()
    expect(sent).toEqual([110, 10])
  })

  it('grows by the window, and shrinks to what it was, where a change is dear', async () => {
    const sent: number[] = []
    const prefetch = new Prefetch(10)
    const parts: number[] = []
    const apply = async (count: number, ahead: number): Promise<void> => {
      sent.push(count)
      parts.push(ahead)
    }
    prefetch.attach(apply, { stepped: true })
    for (const ahead of [100, 0, 300, 0]) {
      prefetch.lookAhead(ahead)
      await settled()
    }
    const place = prefetch.hold()
    await settled()
    prefetch.lookAhead(100)
    await settled()
    prefetch.lookAhead(0)
    prefetch.release(place)
    await settled()
    expect(sent).toEqual([110, 10, 310, 10, 22, 122, 22])
    expect(parts).toEqual([100, 0, 300, 0, 0, 100, 0])
  })

  it('moves what it allows from the window to the rest where each has consumers of its own', async () => {
    const sent: [number, number][] = []
    const prefetch = new Prefetch(10)
    prefetch.attach(async (count, ahead) => void sent.push([count, ahead]), { stepped: true })
    prefetch.lookAhead(12)
    // While that is on its way: eleven in twos, as many as with the window.
    prefetch.hold()
    prefetch.lookAhead(0)
    await settled()
    expect(sent).toEqual([
      [22, 12],
      [22, 0],
    ])
  })

  it('begins without a window on another channel', () => {
    const prefetch = new Prefetch(10)
    prefetch.attach(async () => {}, { stepped: false })
    prefetch.lookAhead(100)
    expect(prefetch.begin()).toBe(10)
    expect(prefetch.ahead).toBe(0)
  })

  it('tells how many acknowledgements may be on their way, since the window was larger a moment ago', async () => {
    const prefetch = new Prefetch(10)
    prefetch.attach(async () => {}, { stepped: false })
    prefetch.lookAhead(100)
    prefetch.lookAhead(0)
    expect(prefetch.most).toBe(110)
    prefetch.begin()
    expect(prefetch.most).toBe(10)
    const unlimited = new Prefetch(0)
    unlimited.lookAhead(100)
    expect(unlimited.most).toBe(0)
  })

  it('counts consumers that go on beside those that took over, and the largest limit of a consumer', async () => {
    const prefetch = new Prefetch(10)
    prefetch.attach(async () => {}, { stepped: true, applied: 40 })
    expect(prefetch.most).toBe(40)
    const over = prefetch.leave(20)
    expect(prefetch.most).toBe(60)
    over()
    expect(prefetch.most).toBe(60)
    prefetch.reset()
    prefetch.begin()
    expect(prefetch.most).toBe(10)
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
