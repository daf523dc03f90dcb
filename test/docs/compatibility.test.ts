import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BROKERS } from '../brokers/releases.ts'
import { TESTED } from '../support/tested-versions.ts'

const text = (path: string): string => readFileSync(join(import.meta.dirname, '../..', path), 'utf8')

describe('docs/compatibility.md', () => {
  const page = text('docs/compatibility.md')

  it.each(Object.entries(TESTED))('names the versions of %s that the tests take place with', (name, versions) => {
    const [, row = ''] = new RegExp(`^\\| ${name} \\| (.*) \\|$`, 'm').exec(page) ?? []
    expect(row.split(', ')).toEqual(versions)
  })

  it('has a column for each RabbitMQ, and README a link to the page', () => {
    const minors = TESTED.RabbitMQ.map((version) => version.split('.').slice(0, 2).join('.'))
    expect(page).toContain(`| | ${minors.join(' | ')} |\n`)
    expect(text('README.md')).toContain('(docs/compatibility.md)')
  })
})

describe('the tests', () => {
  it('take place on the newer RabbitMQ that are named', () => {
    expect(Object.keys(BROKERS)).toEqual(
      TESTED.RabbitMQ.slice(1).map((version) => version.split('.').slice(0, 2).join('.')),
    )
  })

  it('take place with the newest Celery that is named', () => {
    for (const name of ['requirements.txt', 'requirements-over-debian.txt']) {
      expect(text(`test/interop/python/${name}`)).toMatch(new RegExp(`^celery.*==${TESTED.Celery.at(-1)}$`, 'm'))
    }
  })

  it('take place on the Node that is named', () => {
    const [oldest, ...newer] = TESTED.Node
    expect(JSON.parse(text('package.json')).engines.node).toMatch(new RegExp(`^\\^${oldest}\\.`))
    const [, inCi] = /serverless_tests_on_nodes ([\d ]+)$/m.exec(text('.ci/run')) ?? []
    expect(inCi?.split(' ')).toEqual(newer)
  })
})
