import { type AsyncPoolOptions, createAsyncPool } from './async.ts'
import { Crew, type CrewOptions } from './crew.ts'
import type { Pool } from './pool.ts'
import type { PoolKind } from './pool-kind.ts'
import { SplitPool } from './split.ts'

/** Everything that a worker gives to a pool of any kind. */
export type PoolSettings = Omit<AsyncPoolOptions, 'kind' | 'resizable'> &
  Omit<CrewOptions, 'kind' | 'startMember'> & {
    /** Whether a task needs the worker's connections, so that no member can run it. */
    readonly needsWorker: (task: string) => boolean
    /** `sendFor` for attempts on this event loop: members have plugins of their own around their sends. */
    readonly sendForHere?: AsyncPoolOptions['sendFor'] | undefined
  }

/** Creates a pool of a kind; nothing is started yet. */
export function openKind(kind: PoolKind, settings: PoolSettings): Pool {
  const { name, concurrency } = kind
  const { sendForHere: sendFor = settings.sendFor } = settings
  const onEventLoop = () => createAsyncPool({ ...settings, sendFor, kind: name, resizable: concurrency !== undefined })
  return kind.open({
    onEventLoop,
    inMembers: (startMember) =>
      new SplitPool(new Crew({ ...settings, kind: name, startMember }), onEventLoop(), settings.needsWorker),
  })
}
