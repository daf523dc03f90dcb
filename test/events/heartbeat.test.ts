import { describe, expect, it } from 'vitest'
import { Heartbeat, type HeartbeatParts } from '../../src/events/heartbeat.ts'
import type { WorkerEvent } from '../../src/protocol/remote/event.ts'
import { ManualClock } from '../support/manual-clock.ts'

function aHeartbeat(parts: Partial<HeartbeatParts> = {}) {
  const clock = new ManualClock()
  const said: WorkerEvent[] = []
  const heartbeat = new Heartbeat({
    enabled: true,
    interval: 2_000,
    clock,
    announce: (event) => said.push(event),
    load: () => ({ active: 3, processed: 7 }),
    ...parts,
  })
  return { clock, said, heartbeat, types: () => said.map(({ type }) => type) }
}

describe('Heartbeat', () => {
  it('says online, then beats, then says offline and no more', () => {
    const { clock, heartbeat, types } = aHeartbeat()
    heartbeat.online()
    clock.advance(5_000)
    heartbeat.offline()
    clock.advance(5_000)
    expect(types()).toEqual(['worker-online', 'worker-heartbeat', 'worker-heartbeat', 'worker-offline'])
  })

  it('tells what it is, how often it beats and how busy it is', () => {
    const { heartbeat, said } = aHeartbeat()
    heartbeat.online()
    expect(said[0]).toEqual({
      type: 'worker-online',
      freq: 2,
      active: 3,
      processed: 7,
      loadavg: [expect.any(Number), expect.any(Number), expect.any(Number)],
      sw_ident: 'twq',
      sw_ver: expect.stringMatching(/^\d+\.\d+\.\d+/),
      sw_sys: expect.any(String),
    })
  })

  it('says online again after a reconnect, with one rhythm still', () => {
    const { clock, heartbeat, types } = aHeartbeat()
    heartbeat.online()
    clock.advance(1_000)
    heartbeat.online()
    clock.advance(2_000)
    expect(types()).toEqual(['worker-online', 'worker-online', 'worker-heartbeat'])
  })

  it('switched off, speaks only when asked', () => {
    const { clock, heartbeat, said } = aHeartbeat({ enabled: false })
    heartbeat.online()
    clock.advance(10_000)
    heartbeat.answer()
    heartbeat.offline()
    expect(said).toEqual([
      { type: 'worker-heartbeat', freq: 5, sw_ident: 'twq', sw_ver: expect.any(String), sw_sys: expect.any(String) },
    ])
  })
})
