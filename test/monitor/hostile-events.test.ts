import { expect, it } from 'vitest'
import type { Overview } from '../../src/monitor/answers/cluster.ts'
import { aMonitor, aTaskEvent, aWorkerEvent } from '../support/a-monitor.ts'

const LONG = 'x'.repeat(1_000_000)
const ESC = '\u001b]0;owned\u0007\u001b[2J'
const MARKUP = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "javascript:alert(1)//'",
  '</textarea><svg onload=alert(1)>',
  '{{constructor.constructor("alert(1)")()}}',
  '<!--',
  ']]>',
  '\u2028alert(1)\u2029',
]
const FIELDS = ['name', 'args', 'kwargs', 'result', 'exception', 'traceback'] as const

function deep(depth: number): string {
  return `${'['.repeat(depth)}${']'.repeat(depth)}`
}

/** Messages that a program on the broker could send, by what is hostile in them. */
const HOSTILE: readonly (readonly [what: string, body: unknown])[] = [
  ...MARKUP.flatMap((text) =>
    FIELDS.slice(0, 4).map(
      (field) => [`${text} in ${field}`, aTaskEvent('task-failed', 'h1', { [field]: text })] as const,
    ),
  ),
  ...MARKUP.slice(0, 2).map((text) => [`${text} as an id`, aTaskEvent('task-started', text)] as const),
  ...MARKUP.slice(0, 2).map(
    (text) => [`${text} as a worker`, aWorkerEvent('worker-heartbeat', { hostname: text })] as const,
  ),
  ['markup as a state', aTaskEvent('task-<b>bold</b>', 'h2')],
  ['escape codes', aTaskEvent('task-failed', 'h3', { name: ESC, exception: ESC, traceback: ESC })],
  ['long texts', aTaskEvent('task-failed', 'h4', Object.fromEntries(FIELDS.map((field) => [field, LONG])))],
  ['a long id', aTaskEvent('task-failed', LONG)],
  ['deep arguments', `{"type":"task-failed","uuid":"h5","hostname":"w1@host","timestamp":1,"args":${deep(5_000)}}`],
  ['a deep message', deep(200_000)],
  ['a number for a name', aTaskEvent('task-failed', 'h6', { name: 7, args: {}, exception: [], runtime: 'soon' })],
  ['a runtime beyond all', aTaskEvent('task-succeeded', 'h7', { runtime: 1e308 })],
  ['a runtime below zero', aTaskEvent('task-succeeded', 'h8', { runtime: -1e308 })],
  ['a time far ahead', aTaskEvent('task-succeeded', 'h9', { timestamp: 1e300 })],
  ['a time far back', aTaskEvent('task-succeeded', 'h10', { timestamp: -1e300 })],
  ['a clock beyond all', aTaskEvent('task-succeeded', 'h11', { clock: 2 ** 60 })],
  [
    'keys of objects',
    `{"type":"task-failed","uuid":"__proto__","hostname":"constructor","timestamp":1,"__proto__":{"name":"x"}}`,
  ],
  [
    'a workflow that is a circle',
    [
      aTaskEvent('task-received', 'c1', { root_id: 'c1', parent_id: 'c2' }),
      aTaskEvent('task-received', 'c2', { root_id: 'c1', parent_id: 'c1' }),
    ],
  ],
  ['half a character', aTaskEvent('task-failed', 'h12', { name: '\ud800', args: '\udfff' })],
  ['a zero in a name', aTaskEvent('task-failed', 'h13', { name: 'a\u0000b' })],
  ['no JSON', '{"type":'],
  ['a list of nothing that is an event', [null, 1, 'x', [], {}]],
  ['an event without a sender', { type: 'task-failed', uuid: 'h14', timestamp: 1 }],
  ['nothing', ''],
  [
    'many workers',
    Array.from({ length: 6_000 }, (_, number) => aWorkerEvent('worker-online', { hostname: `many${number}` })),
  ],
  [
    'loads that are none',
    aWorkerEvent('worker-heartbeat', { loadavg: Array(10_000).fill(1), freq: -1, active: 'x', processed: 1e308 }),
  ],
  ['a heartbeat that never ends', aWorkerEvent('worker-heartbeat', { freq: 1e308 })],
]

it('takes hostile events without harm: every page answers, in bounds, and the next task is shown', async () => {
  await using scene = await aMonitor()
  expect(HOSTILE.length).toBeGreaterThanOrEqual(58)
  for (const [, body] of HOSTILE) await scene.say(body)
  await scene.say(aTaskEvent('task-succeeded', 'last', { result: '1' }))
  await scene.until<{ state?: string }>('/api/tasks/last', ({ state }) => state === 'SUCCESS')
  const { tasks } = await scene.get<{ tasks: { id: string }[] }>('/api/tasks?limit=200')
  const paths = tasks.flatMap(({ id }) => [
    `/api/tasks/${encodeURIComponent(id)}`,
    `/api/tasks/${encodeURIComponent(id)}/tree`,
  ])
  for (const path of ['/api/overview', '/api/workers', '/api/queues', '/api/series?span=hour', ...paths]) {
    const response = await scene.fetch(path)
    expect([path, response.status, response.headers.get('content-type')]).toEqual([path, 200, 'application/json'])
    const text = await response.text()
    expect(text.length).toBeLessThan(4_000_000)
    expect(() => JSON.parse(text)).not.toThrow()
  }
  const { lost } = await scene.get<Overview>('/api/overview')
  expect(lost.refused).toBeGreaterThan(0)
})
