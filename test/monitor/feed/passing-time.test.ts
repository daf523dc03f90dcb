import { expect, it } from 'vitest'
import { PassingTime } from '../../../src/monitor/feed/passing-time.ts'
import { MonitorStore } from '../../../src/monitor/store/monitor-store.ts'
import type { CeleryEvent } from '../../../src/protocol/remote/read-event.ts'

const NOW = 1_700_000_000

it('tells of what changes without an event, and of nothing else', () => {
  const store = new MonitorStore(NOW)
  const time = new PassingTime(store)
  const event = { hostname: 'w1', timestamp: NOW, local_received: NOW, clock: 1, freq: 100 }
  store.apply({ ...event, type: 'worker-heartbeat' } as unknown as CeleryEvent)
  store.apply({ ...event, type: 'task-received', uuid: 't1' } as unknown as CeleryEvent)
  expect(time.changed(NOW + 1)).toEqual(['rates', 'charts', 'workers'])
  expect(time.changed(NOW + 2)).toEqual([])
  // A point of the charts begins; the event is no longer among those of the last ten seconds; its worker has fallen silent.
  expect(time.changed(NOW + 10)).toEqual(['charts'])
  expect(time.changed(NOW + 12)).toEqual(['rates'])
  expect(time.changed(NOW + 13)).toEqual([])
  expect(time.changed(NOW + 3_600)).toEqual(['charts', 'workers'])
})
