import { describe, expect, it } from 'vitest'
import { FIRST_SIGHT, type Interface } from '../../../src/cli/top/interface.ts'
import { type Frame, report, type Scene, screen } from '../../../src/cli/top/render.ts'
import type { TaskState } from '../../../src/events/task-state.ts'
import type { WorkerState } from '../../../src/events/worker-state.ts'
import { displayWidth } from '../../../src/runtime/text/display-width.ts'

const worker = (hostname: string, fields: Partial<WorkerState> = {}): WorkerState => ({
  ...{ hostname, pid: 1, freq: 2, lastHeard: 999, active: 1, processed: 20, loadavg: [0.5, 1, 2] },
  ...{ swIdent: 'twq', swVer: '1.0', swSys: 'Linux' },
  ...fields,
})
const task = (uuid: string, fields: Partial<TaskState> = {}): TaskState => ({
  ...{ uuid, state: 'STARTED', timestamp: 990, clock: 1, name: 'add', worker: 'w1@a', started: 990 },
  ...{ args: '(1, 2)', kwargs: '{}' },
  ...fields,
})
const scene: Scene = {
  workers: [worker('w2@a', { lastHeard: undefined, loadavg: undefined }), worker('w1@a')],
  tasks: [task('t1'), task('t2', { timestamp: 996, state: 'SUCCESS', runtime: 0.25 })],
  queues: [
    { name: 'celery', ready: 3, consumers: 2 },
    { name: 'gone', ready: undefined, consumers: undefined },
  ],
  now: 1_000,
}

function drawn(chosen: Partial<Interface> = {}, { shown = scene, rows = 20, columns = 100 } = {}): readonly string[] {
  const mark: Frame['mark'] = (text, as) => (as === 'selected' ? `>${text}` : text)
  return screen(shown, { ...FIRST_SIGHT, ...chosen }, { rows, columns, mark })
}

describe('the screen', () => {
  it('shows workers, queues and tasks, and what keys do', () => {
    expect(drawn()).toEqual([
      'workers 1/2  tasks 2  by time',
      'WORKER  STATUS   ACTIVE  PROCESSED  LOAD            SOFTWARE',
      'w1@a    online        1         20  0.50 1.00 2.00  twq 1.0',
      'w2@a    offline       1         20  -               twq 1.0',
      'QUEUE     READY  CONSUMERS',
      'celery        3          2',
      'gone    missing          -',
      'STATE    TASK  ID  WORKER    AGE    RAN  ARGUMENTS',
      'SUCCESS  add   t2  w1@a     4.0s  250ms  (1, 2) {}',
      'STARTED  add   t1  w1@a    10.0s  10.0s  (1, 2) {}',
      's sort  / filter  x revoke  up/down choose  q quit',
    ])
  })

  it('marks the chosen task, and keeps it in sight', () => {
    const tasks = Array.from({ length: 100 }, (_, index) => task(`t${index}`, { timestamp: 900 - index }))
    const lines = drawn({ selected: 't70' }, { shown: { ...scene, tasks }, rows: 20 })
    expect(lines).toHaveLength(20)
    expect(lines.filter((line) => line.startsWith('>'))).toEqual([expect.stringContaining('t70')])
  })

  it.each([
    [1, 10],
    [2, 1],
    [5, 20],
    [10, 40],
    [24, 80],
    [100, 300],
  ])('fits %i rows of %i columns', (rows, columns) => {
    const shown = {
      ...scene,
      tasks: Array.from({ length: 200 }, (_, index) => task(`${index}`.padEnd(36, 'x'), { args: 'y'.repeat(500) })),
      workers: Array.from({ length: 50 }, (_, index) => worker(`worker-${index}@${'h'.repeat(60)}`)),
    }
    const lines = drawn({}, { shown, rows, columns })
    expect(lines.length).toBeLessThanOrEqual(rows)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns)
  })

  it.each([40, 80])('fits tasks whose names take two columns for a character into %i columns', (columns) => {
    const shown = {
      ...scene,
      tasks: [task('t1', { name: '任务'.repeat(30), args: '🐇'.repeat(50) })],
      workers: [worker(`工人@${'主'.repeat(60)}`)],
      queues: [{ name: '队列'.repeat(30), ready: 1, consumers: 1 }],
    }
    const lines = drawn({ filter: '任' }, { shown, columns })
    expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(columns)
  })

  it.each([40, 80])('keeps the keys of the question and the end of the filter in sight in %i columns', (columns) => {
    const mode = { kind: 'revoke', uuid: '0d2b5a4e-6f0c-4b0e-8f5e-6f6f5c8f2a11', name: 'reports.nightly' } as const
    expect(drawn({ mode }, { columns }).at(-1)).toMatch(/^rep.*y: .*t: .*n: no$/)
    expect(drawn({ mode: { kind: 'filter' }, filter: `${'x'.repeat(200)}end` }, { columns }).at(-1)).toMatch(/xend_$/)
  })

  it('asks before it revokes, shows the filter while it is typed, and what came of it', () => {
    expect(drawn({ mode: { kind: 'revoke', uuid: 't1', name: 'add' } }).at(-1)).toMatch(
      /^add\[t1\]\? {2}y: revoke .*t:.*n: no$/,
    )
    const filtered = drawn({ mode: { kind: 'filter' }, filter: 'succ' })
    expect(filtered.at(-1)).toBe('filter: succ_')
    expect(filtered[0]).toBe('workers 1/2  tasks 1  by time  with "succ"')
    expect(drawn({ message: 't1 is revoked' }).at(-1)).toBe('t1 is revoked')
  })

  it('is not steered by what it shows', () => {
    const hostile = '\u001b[2J\n'
    const shown: Scene = {
      ...scene,
      workers: [worker(hostile, { swIdent: hostile })],
      tasks: [task(hostile, { name: hostile, state: hostile, args: hostile })],
      queues: [{ name: hostile, ready: 1, consumers: 1 }],
    }
    const mode = { kind: 'revoke', uuid: hostile, name: hostile } as const
    const lines = [...drawn({ message: hostile, filter: '' }, { shown }), ...drawn({ mode }, { shown })]
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
    expect(lines.filter((line) => /[\u0000-\u001f]/.test(line))).toEqual([])
  })
})

it('off a terminal is one table after the other, with the newest tasks', () => {
  const text = report(scene, FIRST_SIGHT, 1)
  expect(text.startsWith('1970-01-01T00:16:40.000Z  workers 1/2  tasks 2\n\nWORKER')).toBe(true)
  expect(text).toContain('\n\nQUEUE')
  expect(text).toContain('t2')
  expect(text).not.toContain('t1')
})
