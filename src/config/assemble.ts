import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { TwqError } from '../errors.ts'
import type { TaskQueue } from '../protocol/queue/task-queue.ts'
import { expandNodeName } from '../protocol/remote/node-name.ts'
import { autoscaleOf, concurrencyOf } from './concurrency.ts'
import type { Config } from './config.ts'
import type { OptionKey, Read } from './options.ts'

type Queues = Pick<Config, 'queues' | 'knownQueues' | 'defaultQueue'>

// The prefetch count of AMQP has 16 bits.
const LARGEST_PREFETCH = 65_535

/** The configuration from the values of the options with these keys; `inFile` are the queues that the file describes. */
export function assemble(read: Read, keys: readonly string[], inFile: readonly TaskQueue[], baseDir: string): Config {
  // Tasks and plugins are the user's objects, and may keep caches inside: only the lists are frozen.
  const tasks = Object.freeze([...read('tasks')])
  const plugins = Object.freeze([...read('plugins')])
  return Object.freeze({ ...asInFile(read, keys), tasks, plugins, ...derive(read, inFile, baseDir) }) as Config
}

type Values = { [name: string]: unknown }

/** The values as they lie in a file: that of `shutdown.grace` in an object `shutdown`, which is frozen. */
function asInFile(read: Read, keys: readonly string[]): Values {
  const values: Values = {}
  const parts = new Map<string, Values>()
  for (const key of keys) {
    const [name = '', inner] = key.split('.')
    const value = read(key as OptionKey)
    if (inner === undefined) values[name] = value
    else parts.set(name, { ...parts.get(name), [inner]: value })
  }
  for (const [name, part] of parts) values[name] = Object.freeze(part)
  return values
}

type DerivedValues = Queues &
  Pick<
    Config,
    'concurrency' | 'autoscale' | 'prefetch' | 'prefetchMultiplier' | 'workAhead' | 'nodeName' | 'statedb' | 'baseDir'
  >

/** Values that depend on several options, or on this machine. */
function derive(read: Read, inFile: readonly TaskQueue[], baseDir: string): DerivedValues {
  const concurrency = concurrencyOf(read)
  const autoscale = autoscaleOf(read)
  const prefetch = read('prefetch')
  const multiplier = read('prefetchMultiplier')
  const fromMultiplier = (autoscale?.max ?? concurrency) * (multiplier ?? 1)
  return {
    ...chosenQueues(read, inFile),
    concurrency,
    autoscale,
    prefetch: prefetch ?? Math.min(fromMultiplier, LARGEST_PREFETCH),
    prefetchMultiplier: multiplier ?? 1,
    workAhead: prefetch === undefined && multiplier === undefined,
    nodeName: expandNodeName(read('nodeName'), hostname()),
    statedb: pathFrom(baseDir, read('statedb')),
    baseDir,
  }
}

/** The queues to consume, with their settings from the file, and all queues that the configuration names. */
function chosenQueues(read: Read, inFile: readonly TaskQueue[]): Queues {
  const known = new Map(inFile.map((queue) => [queue.name, queue]))
  const wanted = read('queues').map((queue) => known.get(queue.name) ?? queue)
  for (const queue of wanted) known.set(queue.name, queue)
  const excluded = new Set(read('excludeQueues'))
  const queues = wanted.filter(({ name }) => !excluded.has(name))
  const [first] = queues
  if (first === undefined) {
    throw new TwqError(
      'TWQ_CONFIG',
      `there is no queue left to consume: all of ${wanted.map(({ name }) => name).join(', ')} are excluded`,
      {
        hint: 'Exclude fewer, or name others: --queues',
      },
    )
  }
  const freeze = (list: readonly TaskQueue[]): readonly TaskQueue[] => Object.freeze(list.map(deepFreeze))
  return { queues: freeze(queues), knownQueues: freeze([...known.values()]), defaultQueue: first.name }
}

/** Freezes parsed data, which shares no object with the user's configuration. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const part of Object.values(value)) deepFreeze(part)
    Object.freeze(value)
  }
  return value
}

function pathFrom(folder: string, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(folder, path)
}
