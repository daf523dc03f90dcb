import { expect, it } from 'vitest'
import { queryTask } from '../../src/control/commands/inspect-requests.ts'
import type { RequestView, WorkerView } from '../../src/control/worker-view.ts'
import { foundIn } from '../../src/protocol/remote/inspect-answers.ts'
import type { Json } from '../../src/runtime/json.ts'

function request(id: string): RequestView {
  return {
    ...{ id, name: 'add', type: 'add', args: [], kwargs: {}, argsRepr: '()', kwargsRepr: '{}' },
    ...{ eta: undefined, etaMicroseconds: 0, startedAt: undefined, acknowledged: false },
    ...{ exchange: '', routingKey: 'celery', priority: undefined, redelivered: false },
  }
}

const holding: Partial<WorkerView> = {
  node: 'w1@test',
  pid: 1,
  active: () => [request('runs')],
  reserved: () => [request('waits')],
  scheduled: () => [request('later')],
  limited: () => [request('slowed')],
  settling: () => [request('ended')],
}

it.each([
  ['runs', 'active', undefined],
  ['waits', 'reserved', 'slot'],
  ['slowed', 'reserved', 'rate limit'],
  ['later', 'ready', 'eta'],
  ['ended', 'active', 'settlement'],
])('finds the task that %s as %s, and says that it waits for %s', (id, state, waitsFor) => {
  const reply = queryTask.handle(holding as WorkerView, { ids: [id, 'nobody'] }) as Json
  expect([...foundIn(reply)]).toEqual([[id, expect.objectContaining({ state, waitsFor })]])
})

it('answers for a task that runs with Celery’s keys alone', () => {
  const reply = queryTask.handle(holding as WorkerView, { ids: ['runs'] }) as { runs: [string, object] }
  expect(Object.keys(reply.runs[1])).not.toContain('waits_for')
})
