import { readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { cyclesIn, importsOf } from './imports.ts'
import { objectionTo, pluginCheck, poolList, scheduleCheck } from './layer-rules.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SRC = join(ROOT, 'src')

const files = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.m?tsx?$/.test(entry.name))
  .map((entry) => relative(SRC, join(entry.parentPath, entry.name)))
const imports = files.flatMap((file) => importsOf(file, readFileSync(join(SRC, file), 'utf8')))

/** The file, and every file and package that is loaded with it. */
function loadedBy(first: string): string[] {
  const reached = new Set([first])
  for (const file of reached) {
    for (const { from, to, typeOnly } of imports) if (from === file && !typeOnly) reached.add(to)
  }
  return [...reached]
}

describe('the source', () => {
  it('imports downward only', () => {
    expect(imports.map(objectionTo).filter((objection) => objection !== undefined)).toEqual([])
  })

  it('has no import cycles, types included', () => {
    expect(cyclesIn(imports)).toEqual([])
  })

  it('has no doors but the named ones', () => {
    expect(files.filter((file) => basename(file, '.ts') === 'index')).toEqual(['index.ts'])
  })

  it('asks a worker how it is without a package, a task or a connection', () => {
    const beyond = loadedBy('cli/worker/health.ts').filter(
      (to) =>
        !/^(node:|cli\/|runtime\/|protocol\/remote\/node-name\.ts$|metrics\/local-sockets\.ts$|errors\.ts$)/.test(to),
    )
    expect(beyond).toEqual([])
  })

  it('starts a worker without anything of the monitor', () => {
    const loaded = loadedBy('cli/worker/start.ts')
    expect(loaded.length).toBeGreaterThan(200)
    expect(loaded.filter((to) => /^(monitor\/|hono$|@hono\/|libsql$)/.test(to))).toEqual([])
  })

  it('knows the kinds of pools without loading what runs attempts', () => {
    const beyond = loadedBy(poolList).filter((to) => !/^(node:|pool\/kinds\/|runtime\/|errors\.ts$)/.test(to))
    expect(beyond).toEqual([])
  })

  it('checks plugins without loading what runs them', () => {
    const beyond = loadedBy(pluginCheck).filter(
      (to) => !/^(node:|tasks\/plugin-problems\.ts$|runtime\/text\/)/.test(to),
    )
    expect(beyond).toEqual([])
  })

  it('checks schedules without loading what sends them, and a reader of cron only once there is a pattern', () => {
    const beyond = loadedBy(scheduleCheck).filter((to) => !/^(node:|schedules\/|runtime\/|errors\.ts$)/.test(to))
    expect(beyond).toEqual([])
  })

  it('imports only packages that users get with it', () => {
    const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    // What the page imports is in its bundle.
    const packages = imports.filter(
      ({ from, kind, to }) => kind === 'package' && !to.startsWith('node:') && !from.startsWith('monitor/page/'),
    )
    expect(packages.filter(({ to }) => !(to in { ...dependencies, ...peerDependencies }))).toEqual([])
  })
})

describe('reading imports', () => {
  it.each([
    ["import { a } from '../b.ts'", { to: 'b.ts', kind: 'file', typeOnly: false }],
    ["import type { A } from '../b.ts'", { to: 'b.ts', kind: 'file', typeOnly: true }],
    ["import { type A } from './b.ts'", { to: 'a/b.ts', kind: 'file', typeOnly: true }],
    ["import { type A, b } from './b.ts'", { to: 'a/b.ts', kind: 'file', typeOnly: false }],
    ["import './b.ts'", { to: 'a/b.ts', kind: 'file', typeOnly: false }],
    ["export { b } from './b.ts'", { to: 'a/b.ts', kind: 'file', typeOnly: false }],
    ["export type * from './b.ts'", { to: 'a/b.ts', kind: 'file', typeOnly: true }],
    ["const b = await import('./b.ts')", { to: 'a/b.ts', kind: 'file', typeOnly: false }],
    ["let b: import('./b.ts').B", { to: 'a/b.ts', kind: 'file', typeOnly: true }],
    ["import ts from 'tsx/esm/api'", { to: 'tsx', kind: 'package', typeOnly: false }],
    ["import type { S } from '@scope/name/deep'", { to: '@scope/name', kind: 'package', typeOnly: true }],
  ])('understands %s', (text, expected) => {
    expect(importsOf('a/file.ts', text)).toEqual([{ from: 'a/file.ts', ...expected }])
  })

  it('finds a cycle of three files, and none in a diamond', () => {
    const edges = (...pairs: [string, string][]) =>
      pairs.map(([from, to]) => ({ from, to, kind: 'file', typeOnly: true }) as const)
    expect(cyclesIn(edges(['a', 'b'], ['b', 'c'], ['c', 'a']))).toEqual([['a', 'b', 'c', 'a']])
    expect(cyclesIn(edges(['a', 'b'], ['a', 'c'], ['b', 'd'], ['c', 'd']))).toEqual([])
  })
})

describe('the layer rules', () => {
  it.each([
    ['broker/session.ts', 'protocol/wire.ts', false],
    ['runtime/time/duration.ts', 'errors.ts', false],
    ['config/config.ts', 'tasks/task.ts', true],
    ['config/options/parsers.ts', 'runtime/time/duration.ts', false],
    ['config/concurrency.ts', 'pool/kinds/all.ts', false],
    ['cli/main.ts', 'worker/create-worker.ts', false],
    ['sending/sender.ts', 'plugins/around-send.ts', false],
    ['config/options/plugins.ts', 'tasks/plugin-problems.ts', false],
  ])('allow %s to import %s', (from, to, typeOnly) => {
    expect(objectionTo({ from, to, kind: 'file', typeOnly })).toBeUndefined()
  })

  it.each([
    ['protocol/wire.ts', 'broker/broker.ts', true, /above/],
    ['tasks/task.ts', 'broker/broker.ts', true, /beside/],
    ['errors.ts', 'runtime/json.ts', true, /beside/],
    ['sending/prepare-task.ts', 'config/config.ts', true, /above/],
    ['pool/member.ts', 'plugins/plugin-list.ts', true, /beside/],
    ['pool/member.ts', 'broker/broker.ts', true, /must not know/],
    ['config/config.ts', 'tasks/registry.ts', false, /more than types/],
    ['config/concurrency.ts', 'pool/crew.ts', false, /more than types/],
    ['stuff/thing.ts', 'errors.ts', false, /no layer/],
    ['worker/intake/intake.ts', 'stuff/thing.ts', false, /no layer/],
  ])('refuse %s importing %s', (from, to, typeOnly, objection) => {
    expect(objectionTo({ from, to, kind: 'file', typeOnly })).toMatch(objection)
  })

  it('keep each package in its place', () => {
    const importing = (from: string, to: string) => objectionTo({ from, to, kind: 'package', typeOnly: false })
    expect(importing('broker/amqp/connection.ts', 'amqplib')).toBeUndefined()
    expect(importing('broker/session.ts', 'amqplib')).toMatch(/belongs in broker\/amqp/)
    expect(importing('runtime/time/clock.ts', 'node:timers')).toBeUndefined()
    expect(importing('worker/intake/intake.ts', 'lodash')).toMatch(/no rule/)
  })
})
