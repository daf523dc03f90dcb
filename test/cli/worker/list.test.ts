import { expect, it } from 'vitest'
import { workerRows } from '../../../src/cli/worker/list.ts'
import type { Json } from '../../../src/runtime/json.ts'

const replies = (entries: Readonly<Record<string, Json>>) => new Map(Object.entries(entries))

// What Celery 5.6.3 and 5.2.6 answer, which does not name its pool, and a worker that answered nothing but stats.
it('makes a row of what each worker answers, in whatever words', () => {
  const pool = { implementation: 'celery.concurrency.prefork:TaskPool', 'max-concurrency': 2, processes: [20_002] }
  const rows = workerRows({
    stats: replies({
      'w2@host': { pid: 7, uptime: 3, total: { 'proj.add': 11, 'proj.mul': 4 }, pool },
      'w1@host': { pid: 8, uptime: 60, total: {}, pool: { 'max-concurrency': 4 } },
      'w3@host': null,
    }),
    active: replies({ 'w2@host': [{ id: 'a' }], 'w1@host': [] }),
    queues: replies({ 'w2@host': [{ name: 'celery' }, { name: 'mail' }] }),
    report: replies({ 'w2@host': { ok: '\nsoftware -> celery:5.6.3 (recovery) kombu:5.6.2 py:3.11.7\n' } }),
  })
  const unknown = { pid: null, pool: null, concurrency: null, active: null, uptime: null, software: null, queues: [] }
  expect(rows).toEqual([
    { ...unknown, node: 'w1@host', pid: 8, concurrency: 4, active: 0, processed: 0, uptime: 60 },
    {
      node: 'w2@host',
      pid: 7,
      pool: 'prefork',
      concurrency: 2,
      active: 1,
      processed: 15,
      queues: ['celery', 'mail'],
      uptime: 3,
      software: 'celery:5.6.3',
    },
    { ...unknown, node: 'w3@host', processed: 0 },
  ])
})
