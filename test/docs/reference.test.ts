import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { globSync } from 'tinyglobby'
import { describe, expect, it } from 'vitest'
import { type LogEvent, logEvents } from '../../src/runtime/log/events.ts'
import { loggedEvents } from '../support/log-literals.ts'
import { rowsOf } from '../support/markdown-table.ts'
import { logEventsMarkdown, metricsMarkdown } from '../support/reference-markdown.ts'

const ROOT = join(import.meta.dirname, '../..')
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

describe('docs/errors.md', () => {
  const rows = rowsOf(text('docs/errors.md'), 'code')

  it('has every code of src/errors.ts, in that order and with that meaning', () => {
    const codes = [...text('src/errors.ts').matchAll(/\/\*\* (.*) \*\/\n {2}\| '(TWQ_\w+)'$/gm)]
    expect(codes.length).toBe(text('src/errors.ts').match(/^ {2}\| 'TWQ_/gm)?.length)
    expect(rows.map(([code, meaning]) => [code, meaning])).toEqual(
      codes.map(([, meaning, code]) => [`\`${code}\``, meaning]),
    )
  })

  it('says of each what to do', () => {
    expect(rows.filter(([, , todo]) => !todo)).toEqual([])
  })
})

describe('docs/log-events.md', () => {
  it('is the table of events', () => {
    expect(text('docs/log-events.md')).toContain(logEventsMarkdown())
  })
})

describe('docs/metrics.md', () => {
  it('has the metrics that Prometheus is told of', async () => {
    expect(text('docs/metrics.md')).toContain(await metricsMarkdown())
  })
})

describe('the table of log events', () => {
  const files = globSync('src/**/*.ts', { cwd: ROOT })
  const logged = files.flatMap((file) => loggedEvents(file, text(file)))

  it('has each event that the source logs, and no other', () => {
    expect([...new Set(logged.map(({ event }) => event))].sort()).toEqual(Object.keys(logEvents).sort())
  })

  it('has each at the levels at which the source logs it', () => {
    const levels = new Map<string, Set<string>>()
    for (const { event, levels: more } of logged) {
      levels.set(event, new Set([...(levels.get(event) ?? []), ...more]))
    }
    const wrong = [...levels].filter(
      ([event, found]) => logEvents[event as LogEvent].level !== inOrder(found).join(' or '),
    )
    expect(wrong).toEqual([])
  })
})

describe('reading the events of a source', () => {
  it.each([
    ["logger.warn({ event: 'a.b', x }, 'text')", [{ event: 'a.b', levels: ['warn'] }]],
    [
      "logger.error({ event: bad ? 'a.b' : 'a.c' }, 'text')",
      [
        { event: 'a.b', levels: ['error'] },
        { event: 'a.c', levels: ['error'] },
      ],
    ],
    [
      "{ const fields = { event: 'a.b' as const }; logger[ok ? 'info' : 'warn'](fields, 'text') }",
      [{ event: 'a.b', levels: ['info', 'warn'] }],
    ],
    [
      "{ const f = { event: 'a.b' }; log.debug({ ...f, x }, 'text'); if (x) { const f = 1; log.info(f) } }",
      [{ event: 'a.b', levels: ['debug'] }],
    ],
    ["send({ event: 'a.b' })", []],
  ])('understands %s', (source, expected) => {
    expect(loggedEvents('a.ts', source)).toEqual(expected)
  })
})

function inOrder(levels: ReadonlySet<string>): string[] {
  return ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].filter((level) => levels.has(level))
}
