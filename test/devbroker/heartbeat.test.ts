import { expect, it } from 'vitest'
import { keepAlive } from '../../src/devbroker/heartbeat.ts'
import { ManualClock } from '../support/manual-clock.ts'

const aWatch = (interval: number) => {
  const clock = new ManualClock()
  const told: string[] = []
  const heartbeat = keepAlive(interval, {
    clock,
    beat: () => {
      told.push('beat')
      heartbeat.wrote()
    },
    lost: () => told.push('lost'),
  })
  return { clock, told, heartbeat }
}

it('beats twice an interval where nothing else is sent', () => {
  const { clock, told, heartbeat } = aWatch(1_000)
  clock.advance(1_000)
  expect(told).toEqual(['beat', 'beat'])
  clock.advance(300)
  heartbeat.wrote()
  clock.advance(400)
  expect(told).toEqual(['beat', 'beat'])
})

it('gives up after two intervals of silence', () => {
  const { clock, told, heartbeat } = aWatch(1_000)
  clock.advance(1_900)
  heartbeat.heard()
  clock.advance(1_900)
  expect(told).not.toContain('lost')
  clock.advance(700)
  expect(told).toContain('lost')
})

it('does neither without an interval, nor once stopped', () => {
  const never = aWatch(0)
  never.clock.advance(100_000)
  const stopped = aWatch(1_000)
  stopped.heartbeat.stop()
  stopped.clock.advance(100_000)
  expect([never.told, stopped.told]).toEqual([[], []])
})
