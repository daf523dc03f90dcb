import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Overview } from '../../src/monitor/answers/cluster.ts'
import { EVENT_EXCHANGE } from '../../src/protocol/remote/event.ts'
import { withChannel } from '../support/raw-broker.ts'
import { brokerUrl } from '../support/services.ts'
import { TwqMonitor } from '../support/twq-monitor.ts'
import { pollUntil } from '../support/until.ts'

const TASKS = 10_000
const BATCH = 24

let monitor: TwqMonitor

beforeAll(async () => {
  monitor = await TwqMonitor.start(['--broker', brokerUrl()])
  await overview(({ broker }) => broker.state === 'connected')
})

afterAll(() => monitor?.[Symbol.asyncDispose]())

function overview(accept: (answer: Overview) => boolean): Promise<Overview> {
  return pollUntil('the overview', () => monitor.get<Overview>('/api/overview'), accept)
}

/** The events of a task, of which every tenth fails. */
function lifeOf(number: number): readonly object[] {
  const at = Date.now() / 1000
  const base = { uuid: `task-${number}`, hostname: `w${number % 4}@host`, pid: 1, clock: number, utcoffset: 0 }
  const ended = number % 10 === 9 ? { type: 'task-failed', exception: 'no' } : { type: 'task-succeeded', runtime: 0.01 }
  return [
    { type: 'task-received', ...base, timestamp: at, name: `job${number % 20}`, args: `(${number},)`, kwargs: '{}' },
    { type: 'task-started', ...base, timestamp: at },
    { ...ended, ...base, timestamp: at + 0.01 },
  ]
}

it('counts every event of a flood, while pages are asked for', async () => {
  // The stream is there once an event of it has arrived.
  await withChannel(async (channel) => {
    const publish = async (events: readonly object[]): Promise<void> => {
      const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
      const body = Buffer.from(JSON.stringify(events))
      await channel.publish({ exchange: EVENT_EXCHANGE, routingKey: 'task.multi' }, { properties, headers: {}, body })
    }
    let first = 0
    while ((await monitor.get<Overview>('/api/overview')).totals.sent === 0) {
      await publish([{ type: 'task-sent', uuid: 'first', hostname: 'client', timestamp: first++ }])
    }
    const events = Array.from({ length: TASKS }, (_, number) => lifeOf(number)).flat()
    const batches = Math.ceil(events.length / BATCH)
    const published: Promise<void>[] = []
    for (let batch = 0; batch < batches; batch++) {
      published.push(publish(events.slice(batch * BATCH, (batch + 1) * BATCH)))
      if (batch % 50 === 49) await Promise.all(published.splice(0))
      if (batch % 200 === 199) await monitor.get('/api/tasks?text=nothing')
    }
    await Promise.all(published)
  })
  const { totals, lost } = await overview(({ totals: { succeeded, failed } }) => succeeded + failed === TASKS)
  expect(totals).toMatchObject({ received: TASKS, started: TASKS, succeeded: TASKS * 0.9, failed: TASKS * 0.1 })
  expect(lost).toEqual({ dropped: 0, refused: 0 })
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${monitor.program.pid}/status`, 'utf8')) ?? []
  expect(Number(kilobytes)).toBeLessThan(250_000)
})
