import { needsConnections } from '../../canvas/built-in.ts'
import type { Config } from '../../config/config.ts'
import { type AsyncPoolOptions, createAsyncPool } from '../../pool/async.ts'
import { Crew } from '../../pool/crew.ts'
import type { Pool } from '../../pool/pool.ts'
import { startProcess } from '../../pool/processes.ts'
import { SplitPool } from '../../pool/split.ts'
import { startThread } from '../../pool/threads.ts'
import type { TaskRegistry } from '../../tasks/registry.ts'
import type { MemberSetup } from './member-host.ts'

/** What every pool needs, and what its members need to find the tasks by themselves. */
export interface PoolParts extends Omit<AsyncPoolOptions, 'kind' | 'lookup' | 'maxResultSize' | 'random'> {
  readonly config: Config
  readonly registry: TaskRegistry
  /** The configuration file, if there is one. */
  readonly configFile: string | undefined
}

// Beside this file, with its own extension: the sources are TypeScript, what is installed is JavaScript.
const HOST_MODULE = import.meta.url.replace(/[^/]+(\.[jt]s)$/, 'member-host$1')

/** The pool that the configuration asks for; nothing is started yet. */
export function openPool(parts: PoolParts): Pool {
  const { config, registry, configFile: _, ...others } = parts
  const { pool: kind, maxResultSize } = config
  const onLoop = (kind: 'async' | 'solo') => createAsyncPool({ ...others, kind, lookup: registry.get, maxResultSize })
  if (kind === 'async' || kind === 'solo') return onLoop(kind)
  const isForHere = (task: string): boolean => needsConnections(task, registry)
  return new SplitPool(openCrew(parts, { kind, size: config.concurrency }), onLoop('async'), isForHere)
}

/** Threads or processes that run the tasks of the worker, beside a pool of any kind; nothing is started yet. */
export function openCrew(
  { config, registry, configFile, ...parts }: PoolParts,
  { kind, size }: { readonly kind: 'threads' | 'processes'; readonly size: number },
): Crew {
  const setup: MemberSetup = {
    file: configFile,
    baseDir: config.baseDir,
    modules: config.tasks.filter((entry) => typeof entry === 'string'),
    takeTasks: config.tasks.some((entry) => typeof entry !== 'string'),
  }
  return new Crew({
    ...parts,
    kind,
    lookup: registry.get,
    size,
    startMember: kind === 'threads' ? startThread : startProcess,
    hostModule: HOST_MODULE,
    setup,
    taskNames: registry.names(),
    maxResultSize: config.maxResultSize,
    maxTasksPerChild: config.maxTasksPerChild,
    maxMemoryPerChild: config.maxMemoryPerChild,
  })
}
