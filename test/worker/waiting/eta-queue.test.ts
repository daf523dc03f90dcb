import { describe, expect, it } from 'vitest'
import type { Request } from '../../../src/worker/request/request.ts'
import { EtaQueue } from '../../../src/worker/waiting/eta-queue.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const request = (id: string): Request => ({ message: { id } }) as unknown as Request
const idOf = (held: Request): string => held.message.id

function aTimetable(): { clock: ManualClock; due: string[]; etaQueue: EtaQueue } {
  const clock = new ManualClock(1_000_000)
  const due: string[] = []
  return { clock, due, etaQueue: new EtaQueue(clock, (held) => due.push(idOf(held))) }
}

describe('a timetable', () => {
  it('releases requests at their time, in the order of their times', () => {
    const { clock, due, etaQueue } = aTimetable()
    for (const ms of [500, 100, 400, 200, 300, 100]) etaQueue.hold(request(`r${ms}`), 1_000_000 + ms)
    clock.advance(250)
    expect(due).toEqual(['r100', 'r100', 'r200'])
    clock.advance(250)
    expect(due).toEqual(['r100', 'r100', 'r200', 'r300', 'r400', 'r500'])
    expect(etaQueue.size).toBe(0)
  })

  it('releases a request whose time has passed at the next turn', () => {
    const { clock, due, etaQueue } = aTimetable()
    etaQueue.hold(request('late'), 999_000)
    clock.advance(0)
    expect(due).toEqual(['late'])
  })

  it('waits for an earlier request that arrives later', () => {
    const { clock, due, etaQueue } = aTimetable()
    etaQueue.hold(request('hour'), 1_000_000 + 3_600_000)
    etaQueue.hold(request('soon'), 1_000_000 + 10)
    clock.advance(10)
    expect(due).toEqual(['soon'])
    clock.advance(3_600_000)
    expect(due).toEqual(['soon', 'hour'])
  })

  it('notices within a minute that the wall clock has jumped ahead', () => {
    const { clock, due, etaQueue } = aTimetable()
    etaQueue.hold(request('tomorrow'), 1_000_000 + 86_400_000)
    clock.jump(86_400_000)
    clock.advance(60_000)
    expect(due).toEqual(['tomorrow'])
  })

  it('gives up the requests that are picked, and keeps the order of the others', () => {
    const { clock, due, etaQueue } = aTimetable()
    for (let n = 0; n < 50; n += 1) etaQueue.hold(request(`${n}`), 1_000_000 + ((n * 37) % 50) + 1)
    const removed = etaQueue.remove((held) => Number(idOf(held)) % 2 === 0)
    expect(removed).toHaveLength(25)
    clock.advance(100)
    expect(due).toHaveLength(25)
    const times = due.map((id) => (Number(id) * 37) % 50)
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })
})
