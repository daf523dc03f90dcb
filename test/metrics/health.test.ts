import { describe, expect, it } from 'vitest'
import { type HealthLimits, judge, type VitalSigns } from '../../src/metrics/health.ts'

const limits: HealthLimits = { heartbeat: 10_000, loopLag: 5_000, stopping: 30_000 }

const well: VitalSigns = {
  started: true,
  stoppingFor: undefined,
  consumer: { connected: true, wanted: ['a', 'b'], consuming: ['b', 'a'], answeredAgo: 10_000 },
  publisher: { connected: true, blocked: undefined },
  aside: { held: 3, suspended: [] },
  loopLag: 5_000,
  outcomes: { kept: 0, bytes: 0, halted: undefined, fullFor: undefined },
}

const { consumer } = well

describe('a worker', () => {
  it('that consumes is live, ready and started', () => {
    for (const probe of ['live', 'ready', 'started'] as const) expect(judge(probe, well, limits)).toEqual([])
  })

  it.each<[string, Partial<VitalSigns>, string[]]>([
    ['has not consumed yet', { started: false }, ['startup']],
    ['is stopping', { stoppingFor: 0 }, ['draining']],
    ['is stopping before it was up', { started: false, stoppingFor: 0 }, ['draining']],
    ['has lost the broker', { consumer: { ...consumer, connected: false, consuming: [] } }, ['connection']],
    ['lacks a consumer', { consumer: { ...consumer, consuming: ['b'] } }, ['consumer']],
    ['has every queue paused', { consumer: { ...consumer, wanted: [], consuming: [] } }, ['consumer']],
    ['has too many messages to set aside', { aside: { held: 1_000, suspended: ['a'] } }, ['aside']],
    [
      'takes nothing from one queue, and lacks a consumer on another',
      { consumer: { ...consumer, consuming: [] }, aside: { held: 1_000, suspended: ['a'] } },
      ['aside', 'consumer'],
    ],
    [
      'consumes a queue without a leader',
      { consumer: { ...consumer, troubles: new Map([['a', 'gone']]) } },
      ['consumer'],
    ],
    ['has heard nothing for too long', { consumer: { ...consumer, answeredAgo: 10_001 } }, ['broker']],
    ['can send no result', { publisher: { connected: false, blocked: undefined } }, ['publisher']],
    ['may send no result', { publisher: { connected: true, blocked: 'low on memory' } }, ['publisher']],
    ['is late', { loopLag: 5_001 }, ['loop']],
    [
      'can settle nothing',
      { outcomes: { kept: 3, bytes: 30, halted: 'the Redis is away', fullFor: undefined } },
      ['outcomes'],
    ],
    ['keeps too much', { outcomes: { kept: 3, bytes: 70_000_000, halted: undefined, fullFor: 0 } }, ['outcomes']],
    ['waits for too much', { outcomes: { kept: 0, bytes: 0, halted: undefined, fullFor: 5_001 } }, ['outcomes']],
    [
      'has several troubles',
      { consumer: { ...consumer, consuming: [], answeredAgo: 20_000 }, loopLag: 6_000 },
      ['consumer', 'broker', 'loop'],
    ],
  ])('that %s is not ready', (_what, signs, checks) => {
    expect(judge('ready', { ...well, ...signs }, limits).map(({ check }) => check)).toEqual(checks)
  })

  it('names the queues that it does not consume', () => {
    const signs = { ...well, consumer: { ...consumer, consuming: [] } }
    expect(judge('ready', signs, limits)).toEqual([{ check: 'consumer', why: 'no confirmed consumer on a, b' }])
  })

  it('says why it is not connected', () => {
    const signs: VitalSigns = {
      ...well,
      consumer: { ...consumer, connected: false, trouble: 'login refused' },
      publisher: { connected: false, trouble: 'reset', blocked: undefined },
    }
    expect(judge('ready', signs, limits).map(({ why }) => why)).toEqual([
      'not connected to the broker: login refused',
      'not connected to the broker for results: reset',
    ])
  })

  it('is live whatever becomes of the broker', () => {
    const signs: VitalSigns = {
      ...well,
      started: false,
      consumer: { connected: false, wanted: ['a'], consuming: [], answeredAgo: 1_000_000 },
      publisher: { connected: false, blocked: 'low on disk' },
    }
    expect(judge('live', signs, limits)).toEqual([])
  })

  it.each<[string, Partial<VitalSigns>, string]>([
    ['whose event loop stands still', { loopLag: 5_001 }, 'loop'],
    ['that takes too long to stop', { stoppingFor: 30_001 }, 'shutdown'],
  ])('%s is not live', (_what, signs, check) => {
    expect(judge('live', { ...well, ...signs }, limits).map((finding) => finding.check)).toEqual([check])
  })

  it('that is told to stop is live while it may take its time', () => {
    expect(judge('live', { ...well, stoppingFor: 30_000 }, limits)).toEqual([])
  })
})
