import type { TaskQueue } from '../protocol/queue/task-queue.ts'
import type { ValuesOf, WrittenOf } from './options/option.ts'
import type { Options } from './options.ts'

/** The content of worker.config.ts; every option may be left out. Durations are milliseconds or texts like `'20s'`. */
export interface UserConfig extends WrittenOf<Options> {}

/** The configuration in force: total, in milliseconds and bytes, frozen. Its own members follow from several options, or from the place. */
export interface Config extends ValuesOf<Options> {
  /** The queues to consume, at least one. */
  readonly queues: readonly TaskQueue[]
  /** All queues that the configuration names, consumed or not. */
  readonly knownQueues: readonly TaskQueue[]
  /** The first of the queues to consume, for tasks that no route or option sends elsewhere. */
  readonly defaultQueue: string
  /** How many tasks run at once; with `autoscale` how many at first. */
  readonly concurrency: number
  /** Between how many the pool grows and shrinks by itself; undefined also where the pool can't do so. */
  readonly autoscale: { readonly max: number; readonly min: number } | undefined
  /** How many messages to hold, running tasks included. */
  readonly prefetch: number
  /** What `prefetch` follows from, unless it is given. */
  readonly prefetchMultiplier: number
  /** Whether the worker takes more ahead while tasks are quick, since neither of the two is given. */
  readonly workAhead: boolean
  /** The worker's name: `twq@host`. */
  readonly nodeName: string
  /** The file that keeps revocations; absolute. */
  readonly statedb: string | undefined
  /** The folder that relative task paths start from. */
  readonly baseDir: string
}
