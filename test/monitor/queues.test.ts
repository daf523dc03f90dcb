import { expect, it } from 'vitest'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import type { QueueList } from '../../src/monitor/answers/cluster.ts'
import { oldestOf, type QueueFacts } from '../../src/monitor/api/queues.ts'
import { aMonitor, aTaskEvent } from '../support/a-monitor.ts'

const NOW = 1_700_000_000

function facts(row: Partial<QueueFacts['row']>, sent: readonly number[] = []): QueueFacts {
  return {
    row: { ready: 2, unacknowledged: 0, emptyAt: undefined, headTime: undefined, ...row },
    sent: sent.map((ago) => NOW - ago),
  }
}

it.each([
  ['that the message bears', facts({ headTime: NOW - 40 }, [30, 20]), { at: NOW - 40, came: 'at', by: 'message' }],
  [
    'of one that a worker has, at most',
    facts({ headTime: NOW - 40, unacknowledged: 1 }),
    { at: NOW - 40, came: 'after', by: 'message' },
  ],
  ['of the events of senders', facts({}, [20, 30]), { at: NOW - 30, came: 'at', by: 'senders' }],
  ['of as many as wait', facts({}, [90, 20, 30]), { at: NOW - 30, came: 'at', by: 'senders' }],
  [
    'of those since it was empty',
    facts({ emptyAt: NOW - 35 }, [90, 20, 30]),
    { at: NOW - 30, came: 'at', by: 'senders' },
  ],
  ['when it was empty, of others', facts({ emptyAt: NOW - 35 }, [20]), { at: NOW - 35, came: 'after', by: 'depth' }],
  ['when it was empty', facts({ emptyAt: NOW - 35 }), { at: NOW - 35, came: 'after', by: 'depth' }],
  ['of the one that is known, at least', facts({}, [20]), { at: NOW - 20, came: 'before', by: 'senders' }],
  ['of none where none waits', facts({ ready: 0, headTime: NOW - 40 }, [30]), undefined],
  ['of none where nothing tells', facts({}), undefined],
  ['of no message from the future', facts({ headTime: NOW + 9_000 }), undefined],
] as const)('tells the time %s', (_what, given, expected) => {
  expect(oldestOf(given, NOW)).toEqual(expected)
})

it('says how the age of what waits is known, or why it is not', async () => {
  const broker = createMemoryBroker()
  const channel = await (await broker.connect()).openChannel()
  const queues = ['told', 'silent']
  for (const name of queues) {
    await channel.declareQueue({ name, durable: true })
    await channel.publish({ exchange: '', routingKey: name }, { properties: {}, headers: {}, body: Buffer.from('{}') })
  }
  await using scene = await aMonitor({ queues }, undefined, broker)
  const timestamp = Date.now() / 1000
  await scene.say(aTaskEvent('task-sent', 't1', { name: 'add', queue: 'told', timestamp }))
  const heard = (list: QueueList) => list.queues.some(({ oldest }) => oldest !== undefined)
  const [silent, told] = (await scene.until<QueueList>('/api/queues', heard)).queues
  expect(told?.oldest).toEqual({ at: timestamp, came: 'at', by: 'senders' })
  expect([silent?.oldest, silent?.oldestUnknown]).toEqual([undefined, expect.stringMatching(/nor their senders tell/)])
})
