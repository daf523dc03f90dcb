import type { Import } from './imports.ts'

/** The folders (and lone files) of src from the bottom up: a file imports downward only. */
export const layers: readonly (readonly string[])[] = [
  ['errors.ts', 'runtime'],
  ['protocol'],
  ['broker', 'tasks'],
  ['pool', 'results', 'canvas', 'events', 'plugins'],
  ['sending', 'queues'],
  ['schedules'],
  ['client', 'control', 'metrics', 'devbroker'],
  ['config'],
  ['worker', 'beat'],
  ['monitor'],
  [
    'testing',
    'cli',
    'otel',
    'index.ts',
    'client.ts',
    'current.ts',
    'worker.ts',
    'monitor.ts',
    'otel.ts',
    'testing.ts',
    'devbroker.ts',
  ],
]

/** What else is allowed within one layer. The top one may import everything. */
export const sideways: Readonly<Record<string, readonly string[]>> = {
  runtime: ['errors.ts'],
  cli: ['index.ts', 'testing.ts', 'testing'],
  'index.ts': ['cli', 'testing.ts'],
  'otel.ts': ['otel'],
  'testing.ts': ['cli', 'index.ts', 'testing'],
}

/** Downward, but never: a pool runs attempts, and its members hold no connection to the broker. */
export const never: Readonly<Record<string, readonly string[]>> = { pool: ['broker'] }

/** What configuration imports more than types of, of the layers above the second: layers.test.ts says what it may load. */
export const poolList = 'pool/kinds/all.ts'

/** The other such file: what is wrong with a list of plugins, which clients and tasks check as well. */
export const pluginCheck = 'tasks/plugin-problems.ts'

/** And what is wrong with schedules, which clients check as well. */
export const scheduleCheck = 'schedules/entries/schedule-problems.ts'

/** Which packages are used where; Node's own are free to all. */
const packageHomes: Readonly<Record<string, string>> = {
  '@hono/node-server': 'monitor/node-listener.ts',
  '@opentelemetry/api': 'otel/',
  '@standard-schema/spec': 'tasks/',
  amqplib: 'broker/amqp/',
  commander: 'cli/',
  cosmiconfig: 'config/',
  croner: 'schedules/',
  hono: 'monitor/api/',
  ioredis: 'results/',
  libsql: 'monitor/archive/',
  pino: 'runtime/log/logger.ts',
  'pino-pretty': 'runtime/log/logger.ts',
  preact: 'monitor/page/',
  'prom-client': 'metrics/',
  tinyglobby: 'tasks/',
  tsx: 'runtime/',
  uplot: 'monitor/page/',
}

/** What is wrong with an import, as a sentence; undefined when nothing is. */
export function objectionTo(found: Import): string | undefined {
  return found.kind === 'package' ? objectionToPackage(found) : objectionToFile(found)
}

function objectionToPackage({ from, to }: Import): string | undefined {
  if (to.startsWith('node:')) return undefined
  const home = packageHomes[to]
  if (home === undefined) return `${from} imports ${to}, which no rule places anywhere`
  if (!from.startsWith(home)) return `${from} imports ${to}, which belongs in ${home}`
  return undefined
}

function objectionToFile({ from, to, typeOnly }: Import): string | undefined {
  const [importer, imported] = [partOf(from), partOf(to)]
  const [upper, lower] = [layerOf(importer), layerOf(imported)]
  if (upper < 0) return `${importer} stands in no layer`
  if (lower < 0) return `${from} imports ${to}, which stands in no layer`
  if (importer === imported) return undefined
  if (upper < lower) return `${from} imports ${to}, which is above it`
  if (upper === lower && !sideways[importer]?.includes(imported)) return `${from} imports ${to}, which is beside it`
  if (never[importer]?.includes(imported)) return `${importer} must not know ${imported}: ${from} imports ${to}`
  if (
    importer === 'config' &&
    lower > layerOf('protocol') &&
    !typeOnly &&
    ![poolList, pluginCheck, scheduleCheck].includes(to)
  )
    return `${from} imports more than types from ${to}`
  return undefined
}

/** The folder of src that a file is in, or the file itself. */
function partOf(file: string): string {
  return file.split('/')[0] ?? file
}

function layerOf(part: string): number {
  return layers.findIndex((parts) => parts.includes(part))
}
