import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { beforeAll, describe, expect, it } from 'vitest'
import { doors, type Surface, surfacesOf } from './surface.ts'

const ROOT = join(import.meta.dirname, '../..')
const DOORS = doors()
const BEHIND = join(ROOT, 'dist/client/create-client.d.ts')

/** What each entry point exports when the program runs: functions and classes. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  twq: [
    ...['ClusterState', 'Ignore', 'MaxRetriesExceededError', 'Reject', 'RemoteTaskError', 'Retry', 'TwqError'],
    ...['chain', 'chord', 'createClient', 'defineConfig', 'defineTask', 'group', 'isAlive', 'isTask', 'signature'],
  ],
  'twq/client': ['RemoteTaskError', 'TwqError', 'createClient'],
  'twq/current': ['currentTask'],
  'twq/devbroker': ['startDevBroker'],
  'twq/monitor': ['TwqError', 'createMonitor'],
  'twq/otel': ['openTelemetry'],
  'twq/testing': ['ManualClock', 'createMemoryBroker', 'runTask', 'startTestWorker', 'until'],
  'twq/worker': ['TwqError', 'createWorker'],
}

/** What other parts of the package import from the modules behind the entry points, and users are not to. */
const INTERNAL = ['createRoutedClient', 'createClientOf', 'compose', 'fieldsOf', 'Replace', 'SentTask', 'VirtualHost']

describe('the entry points of the package', () => {
  const surfaces = new Map<string, Surface>()

  beforeAll(() => {
    const read = surfacesOf([...DOORS.map(([, declarations]) => declarations), BEHIND])
    for (const [index, name] of [...DOORS.map(([door]) => door), 'behind'].entries()) {
      surfaces.set(name, read[index] as Surface)
    }
  })

  it('are those that package.json names', () => {
    expect(DOORS.map(([door]) => door).sort()).toEqual(Object.keys(VALUES).sort())
  })

  it.each(DOORS)('%s exports every type that its declarations refer to', (door) => {
    expect(surfaces.get(door)?.missing).toEqual([])
  })

  it.each(DOORS)('%s exports nothing that is of the inside', (door) => {
    expect(surfaces.get(door)?.exported.filter((name) => INTERNAL.includes(name))).toEqual([])
  })

  it.each(DOORS)('%s exports these functions and classes, and no others', async (door, declarations) => {
    const values = await import(pathToFileURL(declarations.replace('.d.ts', '.js')).href)
    expect(Object.keys(values).sort()).toEqual([...(VALUES[door] ?? [])].sort())
  })

  it.each(DOORS)('%s has a doc comment on everything it exports, and on their methods', (door) => {
    expect(surfaces.get(door)?.undocumented).toEqual([])
  })

  it.each(DOORS)('%s is a file that exports from others, and holds nothing itself', (_, declarations) => {
    const source = join(ROOT, 'src', relative(join(ROOT, 'dist'), declarations).replace('.d.ts', '.ts'))
    const { statements } = ts.createSourceFile(source, readFileSync(source, 'utf8'), ts.ScriptTarget.ES2022)
    const others = statements.filter(
      (statement) =>
        !ts.isExportDeclaration(statement) ||
        statement.moduleSpecifier === undefined ||
        statement.exportClause === undefined,
    )
    expect(others.map(({ kind }) => ts.SyntaxKind[kind])).toEqual([])
  })

  it('would be told of: a module that keeps types to itself which its exports refer to', () => {
    const { exported, missing } = surfaces.get('behind') as Surface
    expect(exported).toContain('createRoutedClient')
    expect(missing).toEqual(
      expect.arrayContaining([
        'Outgoing of protocol/wire.ts, in Client',
        'QueueSettings of protocol/queue/queue-settings.ts, in ClientOptions',
        'Router of sending/router.ts, in createRoutedClient',
      ]),
    )
  })
})
