import type { ResultTuple } from '../protocol/chord/chord.ts'
import type { ResultRecord } from '../protocol/result-record.ts'
import type { Clock } from '../runtime/time/clock.ts'
import type { ChordJoin } from './backend.ts'

/** The parts that reading kept results works with. Times in milliseconds. */
export interface ReadingParts {
  /** The prefix of result keys: Celery's `global_keyprefix`. */
  readonly keyPrefix: string
  /** How long one question is tried. */
  readonly patience: number
  /** Results of more bytes than this need not be read: they may be an error. Undefined: whatever their size. */
  readonly largest?: number | undefined
  readonly clock: Clock
  /** To be called with each state of a watched task, in order. */
  onRecord(taskId: string, record: ResultRecord): void
  /** To be called once nothing new of these tasks is missed: what was stored before is then read. */
  onWatched(taskIds: readonly string[]): void
  /** To be called where these tasks can't be watched or read: their listeners get the error. */
  onFailed(taskIds: readonly string[], error: Error): void
}

/** Reads the results of any task where they are kept. Need not connect before the first call. */
export interface ResultReader extends AsyncDisposable {
  /** The reason why no news arrives at present, without passwords; undefined while it does. */
  readonly trouble?: string | undefined
  /** Makes chords known to the workers, where these join them; without it, workflows with chords are refused. */
  readonly chords?: Pick<ChordJoin, 'begin'>
  /** Keeps groups, where it can. */
  readonly groups?: GroupStore
  /** The latest state of each of these tasks: undefined where there is none, an error where it can't be read. */
  read(taskIds: readonly string[]): Promise<readonly (ResultRecord | Error | undefined)[]>
  /** Begins to watch a task. Called once until `unwatch`. */
  watch(taskId: string): void
  /** Ends what `watch` began. */
  unwatch(taskId: string): void
  /** Drops what is kept of a task. */
  drop(taskId: string): Promise<void>
}

/** Keeps groups by their ids, beside the results of their members (wire specification 4.5). */
export interface GroupStore {
  /** Keeps a group, as Python's `GroupResult.save()`. */
  saveGroup(group: ResultTuple): Promise<void>
  /** A group that was saved; null where there is none. */
  restoreGroup(groupId: string): Promise<ResultTuple | null>
  /** Drops a saved group; the results of its members stay. */
  deleteGroup(groupId: string): Promise<void>
}
