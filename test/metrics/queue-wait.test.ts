import { expect, it } from 'vitest'
import { queueWait } from '../../src/metrics/queue-wait.ts'

const times = { sentAt: 100, receivedAt: 103_000, eta: undefined, startedAt: 105_000 }

it.each([
  ['from when it was sent', {}, { from: 'sent', waited: 5_000 }],
  ['from its receipt where its sender gave no timestamp', { sentAt: undefined }, { from: 'received', waited: 2_000 }],
  ['from its ETA', { eta: 104_000 }, { from: 'eta', waited: 1_000 }],
  ['from its ETA without a timestamp, too', { eta: 104_000, sentAt: undefined }, { from: 'eta', waited: 1_000 }],
  ['from when it was sent where its ETA had passed by then', { eta: 90_000 }, { from: 'sent', waited: 5_000 }],
  ['not at all by a sender whose clock is ahead', { sentAt: 200 }, { from: 'sent', waited: 0 }],
])('a task waits %s', (_, given, expected) => {
  expect(queueWait({ ...times, ...given })).toEqual(expected)
})

it('a task that did not start has waited for nothing', () => {
  expect(queueWait({ ...times, startedAt: undefined })).toBeUndefined()
})
