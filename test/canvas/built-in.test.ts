import { describe, expect, it } from 'vitest'
import { withBuiltIns } from '../../src/canvas/built-in.ts'
import type { Json, JsonObject } from '../../src/runtime/json.ts'
import { runAttempt } from '../../src/tasks/attempt/attempt.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { createRegistry } from '../../src/tasks/registry.ts'
import type { AnyTask } from '../../src/tasks/task.ts'
import { anAttempt, NOW } from '../support/attempts.ts'

const pow = defineTask({
  name: 'pow',
  positional: ['x', 'y?'],
  run: ({ x, y = 2 }: { x: number; y?: number }) => x ** y,
})

const registry = withBuiltIns(createRegistry([pow]), {
  apply: async (signature, args) => [signature, args] as Json,
  unlock: async (_body, header) => ((header as Json[]).length > 0 ? 'waiting' : 'ended'),
})

/** What a built-in task makes of a message's arguments. */
async function run(name: string, args: readonly Json[], kwargs: { readonly [name: string]: Json } = {}) {
  const task = registry.get(name)
  if (task === undefined) throw new Error(`no ${name}`)
  return await runAttempt(anAttempt({ task, message: { task: name, args, kwargs } }))
}

const signature = { task: 'pow', args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false }

const rows: readonly [string, readonly Json[], { readonly [name: string]: Json }, Json][] = [
  ['celery.map', [], { task: signature, it: [1, 2, 3] }, [1, 4, 9]],
  ['celery.map', [], { task: signature, it: [] }, []],
  ['celery.starmap', [], { task: signature, it: [[2, 3], [5]] }, [8, 25]],
  ['celery.accumulate', [1, 2, 3], {}, [1, 2, 3]],
  ['celery.accumulate', [1, 2, 3], { index: 0 }, 1],
  ['celery.accumulate', [1, 2, 3], { index: -1 }, 3],
  ['celery.backend_cleanup', [], {}, null],
  [
    'celery.chunks',
    [],
    { task: signature, it: [[1], [2]], n: 1 },
    [{ task: 'celery.chunks', kwargs: { task: signature, it: [[1], [2]], n: 1 }, subtask_type: 'chunks' }, []],
  ],
  [
    'celery.group',
    [[signature], null, 'gid', [7]],
    {},
    [{ task: 'celery.group', kwargs: { tasks: [signature] }, options: { task_id: 'gid' }, subtask_type: 'group' }, [7]],
  ],
]

describe('the tasks that every Celery worker has', () => {
  it.each(rows)('%s of %j %j', async (name, args, kwargs, result) => {
    expect(await run(name, args, kwargs)).toMatchObject({ kind: 'succeeded', result })
  })

  it.each([
    ['an item that does not fit', 'celery.starmap', { task: signature, it: [[]] }, 'TypeError', "pow() missing 1 required positional argument: 'x'"], // biome-ignore format: one row
    [
      'a task that nobody has',
      'celery.map',
      { task: { ...signature, task: 'nope' }, it: [1] },
      'NotRegistered',
      'nope',
    ],
    ['items that are none', 'celery.map', { task: signature, it: 5 }, 'DecodeError', 'it must be an array, not 5'],
    ['an index beyond the end', 'celery.accumulate', { index: 0 }, 'IndexError', 'tuple index out of range'],
  ])('fail for %s', async (_title, name, kwargs, type, message) => {
    expect(await run(name, [], kwargs)).toMatchObject({ kind: 'failed', error: { type, args: [message] } })
  })

  it.each([
    ['is over', { result: [] }, 0, { kind: 'succeeded', result: null }],
    ['goes on', { result: [1] }, 7, { kind: 'retry', at: NOW + 1_000 }],
    ['goes on, and is slow', { result: [1], interval: 3 }, 7, { kind: 'retry', at: NOW + 3_000 }],
    ['has been looked after often enough', { result: [1], max_retries: 7 }, 7, { kind: 'failed', error: { type: 'MaxRetriesExceededError' } }],
  ])('look after a chord that %s', async (_title, kwargs, retries, expected) => {
    const task = registry.get('celery.chord_unlock') as AnyTask
    const message = { task: task.name, args: ['group', signature], kwargs: kwargs as JsonObject, retries }
    expect(await runAttempt(anAttempt({ task, message }))).toMatchObject(expected)
  }) // biome-ignore format: one case a line

  it('are not listed', () => {
    expect(registry.names()).toEqual(['pow'])
  })

  it('give way to a task of the same name', () => {
    const own = defineTask({ name: 'celery.map', run: () => 'own' })
    expect(
      withBuiltIns(createRegistry([own]), { apply: async () => null, unlock: async () => 'ended' }).get('celery.map'),
    ).toBe(own)
  })
})
