import { statSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'libsql'
import { expect, it } from 'vitest'
import { ArchiveDatabase } from '../../../src/monitor/archive/archive-database.ts'
import type { ArchivedChanges, ArchivedTask } from '../../../src/monitor/archive/archived.ts'
import type { TaskQuery } from '../../../src/monitor/store/list-tasks.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const NOW = 1_700_000_000
const FACTS = {
  heardUntil: NOW,
  since: NOW - 10,
  totals: { sent: 0, received: 7, started: 6, succeeded: 5, failed: 1, retried: 0, revoked: 0, rejected: 0 },
  gaps: [{ from: NOW - 9, to: NOW - 8 }],
}

/** Changes of which the rest is empty. */
function only(changes: Partial<ArchivedChanges>): ArchivedChanges {
  return { tasks: [], steps: [], audit: [], ...changes }
}

function aTask(number: number, fields: Partial<ArchivedTask['state']> = {}): ArchivedTask {
  const name = number % 2 === 0 ? 'emails.send' : 'reports.make'
  const state = {
    uuid: `t${number}`,
    state: 'SUCCESS',
    timestamp: NOW + number,
    clock: 1,
    name,
    worker: 'w1',
    ...fields,
  }
  return {
    state,
    history: { moments: [], omitted: 0, unknownSince: undefined },
    text: `${state.uuid} ${name} order ${number}`,
  }
}

async function aDatabase() {
  const file = join(tempFolder(), 'tasks.db')
  const database = await ArchiveDatabase.open(file)
  return { database, file, [Symbol.dispose]: () => database.close() }
}

it.each([
  [{}, ['t5', 't4', 't3', 't2', 't1', 't0']],
  [{ state: 'FAILURE' }, ['t5']],
  [{ name: 'emails.*' }, ['t4', 't2', 't0']],
  [{ name: 'emails.send', worker: 'w2' }, []],
  [{ name: '[!e]*' }, ['t5', 't3', 't1']],
  [{ name: '*' }, ['t5', 't4', 't3', 't2', 't1', 't0']],
  [{ name: '*e*', limit: 3 }, ['t5', 't4', 't3']],
  [{ name: '*s.*', before: `${NOW + 2}~t2` }, ['t1', 't0']],
  [{ name: '*make', state: 'SUCCESS' }, ['t3', 't1']],
  [{ name: '*make', worker: 'w1', since: NOW + 2 }, ['t5', 't3']],
  [{ name: '*make', text: 'order' }, ['t5', 't3', 't1']],
  [{ name: '*nothing' }, []],
  [{ text: 'order 3' }, ['t3']],
  [{ text: 'ord repo' }, ['t5', 't3', 't1']],
  [{ text: 'EMAILS' }, ['t4', 't2', 't0']],
  [{ text: '" OR 1=1 --' }, ['t1']],
  [{ text: 'NEAR(order, 1) *' }, []],
  [{ text: '***' }, []],
  [{ since: NOW + 4 }, ['t5', 't4']],
  [{ until: NOW + 2 }, ['t1', 't0']],
  [{ limit: 2 }, ['t5', 't4']],
  [{ before: `${NOW + 2}~t2` }, ['t1', 't0']],
  [{ state: "' OR '1'='1" }, []],
] as [Partial<TaskQuery>, string[]][])('finds with %j %j', async (query, expected) => {
  using scene = await aDatabase()
  const tasks = [0, 1, 2, 3, 4].map((number) => aTask(number))
  scene.database.save(only({ tasks: [...tasks, aTask(5, { state: 'FAILURE' })] }), FACTS)
  expect(scene.database.find({ limit: 50, ...query }).tasks.map(({ state }) => state.uuid)).toEqual(expected)
})

it('has a task as it was saved last, and finds it by that alone', async () => {
  using scene = await aDatabase()
  scene.database.save(only({ tasks: [aTask(1)] }), FACTS)
  scene.database.save(only({ tasks: [{ ...aTask(1, { state: 'FAILURE' }), text: 'anew' }] }), FACTS)
  expect(scene.database.task('t1')?.state.state).toBe('FAILURE')
  expect(scene.database.count()).toBe(1)
  expect([
    scene.database.find({ limit: 9, text: 'order' }).matching,
    scene.database.find({ limit: 9, text: 'anew' }).matching,
  ]).toEqual([0, 1])
})

it('keeps tasks and facts over a restart, and the newest for the start', async () => {
  using scene = await aDatabase()
  scene.database.save(only({ tasks: [aTask(1), aTask(2), aTask(3)] }), FACTS)
  const again = await ArchiveDatabase.open(scene.file)
  expect(again.facts()).toEqual(FACTS)
  expect(again.recent(2).map(({ state }) => state.uuid)).toEqual(['t2', 't3'])
  again.close()
})

it('forgets what is older than it is told, texts too', async () => {
  using scene = await aDatabase()
  scene.database.save(only({ tasks: Array.from({ length: 20 }, (_, number) => aTask(number)) }), FACTS)
  scene.database.forget(NOW + 15, NOW)
  expect([scene.database.count(), scene.database.find({ limit: 50, text: 'order' }).matching]).toEqual([5, 5])
})

it('goes on to save where tasks could not be deleted', async () => {
  using scene = await aDatabase()
  scene.database.save(only({ tasks: [aTask(1), aTask(2)] }), FACTS)
  const other = new Sqlite(scene.file)
  other.exec('ALTER TABLE texts RENAME TO away')
  expect(() => scene.database.forget(NOW + 9, NOW)).toThrow(/no such table/)
  other.exec('ALTER TABLE away RENAME TO texts')
  other.close()
  scene.database.save(only({ tasks: [aTask(3)] }), FACTS)
  expect(scene.database.count()).toBe(3)
})

it('makes a file that others can not read', async () => {
  using scene = await aDatabase()
  scene.database.save(only({ tasks: [aTask(1)] }), FACTS)
  expect([scene.file, `${scene.file}-wal`].map((file) => statSync(file).mode & 0o077)).toEqual([0, 0])
})

it('says what is wrong with a file that is no database', async () => {
  await expect(ArchiveDatabase.open(tempFolder())).rejects.toMatchObject({ code: 'TWQ_CONFIG' })
})

it('keeps the steps of an hour and of a day as long as a chart shows them', async () => {
  using scene = await aDatabase()
  const minute = Math.floor(NOW / 60)
  const numbers = { hour: [NOW - 3_700, NOW - 3_500], day: [minute - 1_500, minute - 1_400] }
  const steps = (['hour', 'day'] as const).flatMap((span) =>
    numbers[span].map((number) => ({ span, number, counts: [1], runtimes: [[40, 2]] as const, waits: [] })),
  )
  scene.database.save(only({ steps }), FACTS)
  scene.database.save(only({ steps: [{ ...steps[3]!, counts: [5] }] }), FACTS)
  scene.database.forget(NOW - 30 * 86_400, NOW)
  expect(scene.database.steps()).toEqual([{ ...steps[3], counts: [5] }, steps[1]])
})

it('keeps the acts of 30 days, and refused logins push no others out', async () => {
  using scene = await aDatabase()
  const anEntry = (at: number, outcome: 'done' | 'refused') => ({
    ...{ at, who: 'ada', what: 'drop', on: 'celery', outcome, detail: undefined },
  })
  const old = anEntry(NOW - 31 * 86_400, 'done')
  const done = anEntry(NOW - 10, 'done')
  const refused = Array.from({ length: 1_100 }, (_, number) => anEntry(NOW + number, 'refused'))
  scene.database.save(only({ audit: [old, done, ...refused] }), FACTS)
  scene.database.forget(NOW - 30 * 86_400, NOW)
  const kept = scene.database.audit(5_000)
  expect([kept.length, kept[0]?.at, kept.at(-1)?.at]).toEqual([1_001, done.at, NOW + 1_099])
})

it('counts what a pattern finds over all its names, and says where there are too many names to compare', async () => {
  using scene = await aDatabase()
  const tasks = Array.from({ length: 2_100 }, (_, number) =>
    aTask(number, { name: `job${String(number).padStart(4, '0')}` }),
  )
  scene.database.save(only({ tasks: tasks.slice(0, 2_000) }), FACTS)
  const all = scene.database.find({ limit: 5, name: 'job*' })
  expect([all.matching, all.tasks[0]?.state.uuid, all.limitation]).toEqual([2_000, 't1999', undefined])
  scene.database.save(only({ tasks }), FACTS)
  const some = scene.database.find({ limit: 5, name: 'job*' })
  expect([some.matching, some.tasks[0]?.state.uuid]).toEqual([2_000, 't1999'])
  expect(some.limitation).toMatch(/^There are more than 2000 names of tasks/)
})
