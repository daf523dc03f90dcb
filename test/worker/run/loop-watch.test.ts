import { describe, expect, it } from 'vitest'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import type { Clock } from '../../../src/runtime/time/clock.ts'
import type { Request } from '../../../src/worker/request/request.ts'
import { LoopWatch } from '../../../src/worker/run/loop-watch.ts'
import { aRequest } from '../../support/a-request.ts'

/** A watch on a loop that stands still when the test says so. */
function aWatchedLoop() {
  let now = 0
  let due: { at: number; run: () => void } | undefined
  const clock: Clock = {
    now: () => 1_700_000_000_000 + now,
    monotonic: () => now,
    after: (ms, run) => {
      due = { at: now + ms, run }
      return {
        cancel: () => {
          due = undefined
        },
      }
    },
  }
  const lines: Record<string, unknown>[] = []
  const destination = { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }
  const watch = new LoopWatch({ clock, logger: createLogger({ level: 'warn', format: 'json', destination }) })
  watch.start()
  return {
    watch,
    lines,
    /** Time passes, and timers run as they should. */
    run(ms: number) {
      const end = now + ms
      while (due !== undefined && due.at <= end) {
        now = Math.max(now, due.at)
        due.run()
      }
      now = end
    },
    /** Time passes, and no timer runs until it has. */
    block(ms: number) {
      now += ms
    },
    begin(id: string): Request {
      const request = aRequest({ id, task: 'report' })
      request.state = 'active'
      request.startedAt = clock.now()
      watch.started(request)
      return request
    },
    end(request: Request) {
      request.state = 'settled'
    },
  }
}

describe('the watch on the event loop', () => {
  it('says nothing while the loop moves', () => {
    const loop = aWatchedLoop()
    loop.begin('a')
    loop.run(5_000)
    loop.block(900)
    loop.run(1_000)
    expect(loop.lines).toEqual([])
  })

  it('lets go of tasks that ended before, however many start between two looks', () => {
    const loop = aWatchedLoop()
    for (let index = 0; index < 1_000; index += 1) loop.end(loop.begin(`quick-${index}`))
    const culprit = loop.begin('culprit')
    loop.block(4_200)
    loop.end(culprit)
    for (let index = 0; index < 1_000; index += 1) loop.end(loop.begin(`later-${index}`))
    loop.run(0)
    const [line] = loop.lines
    expect(line).toMatchObject({ event: 'loop.blocked', tasks: expect.arrayContaining(['report[culprit]']) })
    expect(line?.running).toBeLessThan(200)
  })

  it('names the task that computed without a break, though it has ended since', () => {
    const loop = aWatchedLoop()
    loop.run(500)
    const request = loop.begin('a')
    loop.block(4_200)
    loop.end(request)
    loop.run(0)
    expect(loop.lines).toMatchObject([{ event: 'loop.blocked', blocked_ms: 4_100, task: 'report', task_id: 'a' }])
  })

  it('names one that had been waiting for long before it computed', () => {
    const loop = aWatchedLoop()
    const request = loop.begin('a')
    loop.run(3_000)
    loop.block(2_000)
    loop.end(request)
    loop.run(0)
    expect(loop.lines).toMatchObject([{ task_id: 'a' }])
  })

  it('lists those that it may have been, the latest first, and none that ended before or started after', () => {
    const loop = aWatchedLoop()
    loop.end(loop.begin('before'))
    loop.run(1_000)
    loop.begin('a')
    loop.begin('b')
    loop.block(2_000)
    loop.begin('after')
    loop.run(0)
    expect(loop.lines).toMatchObject([{ tasks: ['report[b]', 'report[a]'], running: 2 }])
  })

  it('tells when it was none of them', () => {
    const loop = aWatchedLoop()
    loop.block(2_000)
    loop.run(0)
    expect(loop.lines).toMatchObject([{ event: 'loop.blocked', msg: 'the event loop stood still, but no task ran' }])
  })

  it('warns once for each time', () => {
    const loop = aWatchedLoop()
    loop.begin('a')
    loop.block(2_000)
    loop.run(5_000)
    expect(loop.lines).toHaveLength(1)
  })

  it('tells how late the loop is, and forgets it at the next look in time', () => {
    const loop = aWatchedLoop()
    loop.run(1_000)
    expect(loop.watch.lag).toBe(0)
    loop.block(6_100)
    expect(loop.watch.lag).toBe(5_900)
    loop.run(0)
    expect(loop.watch.lag).toBe(5_900)
    loop.run(200)
    expect(loop.watch.lag).toBe(0)
    loop.block(6_100)
    loop.watch.stop()
    expect(loop.watch.lag).toBe(0)
  })
})
