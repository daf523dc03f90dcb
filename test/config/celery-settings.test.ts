import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { celeryGroups } from '../../src/config/celery-groups.ts'
import { celeryAnswer, celerySetting } from '../../src/config/celery-settings.ts'
import { optionKeys } from '../../src/config/options.ts'
import { resolveConfig } from '../../src/config/resolve-config.ts'
import { TwqError } from '../../src/errors.ts'
import { celeryMarkdown } from '../support/celery-markdown.ts'

interface CeleryNames {
  readonly settings: readonly string[]
  readonly oldNames: Readonly<Record<string, string>>
}

/** What Celery itself says of its settings: `SETTING_KEYS` and `_TO_NEW_KEY` of `celery.app.defaults`. */
const namesOf = (version: string): CeleryNames =>
  JSON.parse(readFileSync(new URL(`../golden/celery-${version}-names.json`, import.meta.url), 'utf8'))

const celery = namesOf('5.6.3')

function problemWith(content: unknown): TwqError {
  try {
    resolveConfig({ file: { path: '/project/worker.config.ts', content }, baseDir: '/project' })
  } catch (error) {
    if (TwqError.is(error, 'TWQ_CONFIG')) return error
  }
  throw new Error('the configuration was accepted')
}

describe('a setting of Celery in the configuration', () => {
  it.each(celery.settings)('%s is answered in its own language', (name) => {
    expect(celeryAnswer(name)).toMatch(/^is Celery's(; here: \w+: .+|, and not a setting here: .+)$/)
  })

  it.each(Object.entries(celery.oldNames))('%s is known as the old name of %s', (old, name) => {
    expect(celerySetting(old)).toBe(name)
  })

  it('is known in Celery 5.2 by the same names', () => {
    const { settings, oldNames } = namesOf('5.2.6')
    expect(settings.filter((name) => celerySetting(name) !== name)).toEqual([])
    expect(Object.entries(oldNames).filter(([old, name]) => celerySetting(old) !== name)).toEqual([])
  })

  it('is in the table once, and nothing else is', () => {
    const names = celeryGroups.flatMap((group) => group.names)
    expect([...names].sort()).toEqual(celery.settings)
  })

  it('is translated into configuration that is taken', () => {
    for (const { names, here } of celeryGroups) {
      if (here === undefined) continue
      const content = Function(`return { ${here} }`)() as object
      const known = (key: string) => optionKeys.some((option) => option === key || option.startsWith(`${key}.`))
      expect(
        Object.keys(content).filter((key) => !known(key)),
        names.join(),
      ).toEqual([])
      expect(() => resolveConfig({ file: { path: '/p/f.ts', content }, baseDir: '/p' }), names.join()).not.toThrow()
    }
  })

  it.each([
    ['task_acks_late', "task_acks_late is Celery's; here: acks: 'late' (`late` is the default, in Celery early)"],
    ['CELERY_ACKS_LATE', "CELERY_ACKS_LATE is Celery's; here: acks: 'late'"],
    ['CELERY_TASK_ACKS_LATE', "CELERY_TASK_ACKS_LATE is Celery's; here: acks: 'late'"],
    ['broker_heartbeat', "broker_heartbeat is Celery's; here: heartbeat: '10s'"],
    ['worker_autoscale', "worker_autoscale is Celery's; here: autoscale: '10,3'"],
    ['task_annotations', "task_annotations is Celery's, and not a setting here: a task says its own"],
    ['cassandra_servers', "cassandra_servers is Celery's, and not a setting here: results go back by `rpc://`"],
  ])('%s says what to write instead', (name, message) => {
    const { message: said, hint } = problemWith({ [name]: 1 })
    expect(said).toContain(message)
    expect(hint).toBeUndefined()
  })

  it('stands in one line each among other problems, without a list of all settings', () => {
    const { message, hint } = problemWith({ task_acks_late: true, concurrency: 'x', brokr: 'amqp://a//', zzz: 1 })
    expect(message.split('\n').map((line) => line.trim())).toEqual([
      'the configuration has 4 problems:',
      expect.stringMatching(/^- task_acks_late is Celery's; here: acks: 'late'/),
      expect.stringMatching(/^- brokr is not a setting; did you mean broker\?/),
      expect.stringMatching(/^- zzz is not a setting/),
      expect.stringMatching(/^- concurrency must be a positive whole number, got "x"/),
    ])
    expect(hint).toMatch(/^docs\/configuration\.md lists the settings/)
  })
})

it('is on the page for those who come from Celery, whole', () => {
  const page = readFileSync(new URL('../../docs/from-celery.md', import.meta.url), 'utf8')
  const { here, notHere } = celeryMarkdown()
  expect(page).toContain(here)
  expect(page).toContain(notHere)
})
