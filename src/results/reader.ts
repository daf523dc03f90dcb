import type { ResultTuple } from '../protocol/chord/chord.ts'
import type { ResultRecord } from '../protocol/result-record.ts'
import type { Clock } from '../runtime/time/clock.ts'
import type { ChordJoin } from './backend.ts'

/** What a reader of stored results needs. Times in milliseconds. */
export interface ReadingParts {
  /** The prefix of result keys: Celery's `global_keyprefix`. */
  readonly keyPrefix: string
  /** How long one request is retried. */
  readonly patience: number
  /** Results of more bytes than this need not be read: they may be an error. Undefined for no limit. */
  readonly largest?: number | undefined
  readonly clock: Clock
  /** Called with each state of a watched task, in order. */
  onRecord(taskId: string, record: ResultRecord): void
  /** Called once no new state of these tasks can be missed: earlier states are then read. */
  onWatched(taskIds: readonly string[]): void
  /** Called if these tasks can't be watched or read: their listeners get the error. */
  onFailed(taskIds: readonly string[], error: Error): void
}

/** Reads the results of any task where they are stored. Need not connect before the first call. */
export interface ResultReader extends AsyncDisposable {
  /** The reason why no states arrive at present, without passwords; undefined if they do. */
  readonly trouble?: string | undefined
  /** Registers chords with the workers' backend; without it, workflows with chords are refused. */
  readonly chords?: Pick<ChordJoin, 'begin'>
  /** Stores groups, if possible. */
  readonly groups?: GroupStore
  /** The latest state of each of these tasks: undefined if there is none, an error if it can't be read. */
  read(taskIds: readonly string[]): Promise<readonly (ResultRecord | Error | undefined)[]>
  /** Starts watching a task. Called once until `unwatch`. */
  watch(taskId: string): void
  /** Stops watching a task. */
  unwatch(taskId: string): void
  /** Deletes the stored data of a task. */
  drop(taskId: string): Promise<void>
}

/** Stores groups by their ids, beside the results of their members (wire specification 4.5). */
export interface GroupStore {
  /** Stores a group, like Python's `GroupResult.save()`. */
  saveGroup(group: ResultTuple): Promise<void>
  /** A stored group; null if there is none. */
  restoreGroup(groupId: string): Promise<ResultTuple | null>
  /** Deletes a stored group; the results of its members stay. */
  deleteGroup(groupId: string): Promise<void>
}
