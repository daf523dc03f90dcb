import { messageOf, TwqError } from '../../errors.ts'
import { encodeError } from '../../protocol/result/result.ts'
import { isFinal, type ResultRecord } from '../../protocol/result-record.ts'
import type { BuiltInDefinition } from '../../results/definition.ts'
import type { ResultReader } from '../../results/reader.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { jsonForPeople } from '../../runtime/text/json-for-people.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { timeLimit, unlessAborted } from '../../runtime/time/time-limit.ts'
import type { TaskDetail } from '../answers/tasks.ts'
import { FINAL } from '../store/monitor-store.ts'

// The part of a larger result that a page shows.
const LONGEST = 100_000
// In bytes. A larger one is not read: it would hold up the events.
const LARGEST = 1024 * 1024
const PATIENCE = 1_500
// Each level is indented further: beyond this depth most of the text would be spaces.
const DEEPEST = 50

/** What reading stored results requires. */
export interface KeptResultParts {
  readonly definition: BuiltInDefinition
  readonly keyPrefix: string
  readonly clock: Clock
  readonly logger: EventLogger | undefined
}

/** The results stored by a backend, for the page of a task. */
export class KeptResults implements AsyncDisposable {
  /** What stores them, for display: `Redis`. */
  readonly by: string
  readonly #reader: ResultReader

  private constructor(by: string, reader: ResultReader) {
    this.by = by
    this.#reader = reader
  }

  /** Undefined if the backend stores none that can be read. */
  static of({ definition, ...parts }: KeptResultParts): KeptResults | undefined {
    const nothing = () => {}
    const listeners = { onRecord: nothing, onWatched: nothing, onFailed: nothing }
    const reader = definition.openReader?.({ ...parts, ...listeners, patience: PATIENCE, largest: LARGEST })
    return reader && new KeptResults(definition.product ?? 'the result backend', reader)
  }

  /**
   * The record of a task; undefined if none is stored. Rejects if that can't be determined within 1.5 s, and for an unreadable
   * one.
   */
  async read(id: string): Promise<ResultRecord | undefined> {
    const reason = () => new TwqError('TWQ_RESULT_BACKEND', `it did not answer within ${PATIENCE} ms`)
    using limit = timeLimit({ ms: PATIENCE, reason })
    const [record] = await unlessAborted(this.#reader.read([id]), limit.signal)
    if (record instanceof Error) throw record
    return record
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader[Symbol.asyncDispose]()
  }
}

/**
 * The task with its stored result in place of an event's shortened text; otherwise with the reason why the event's text is shown.
 */
export async function withKeptResult(detail: TaskDetail, results: KeptResults | undefined): Promise<TaskDetail> {
  if (results === undefined) return detail
  const { by } = results
  try {
    const record = await results.read(detail.id)
    if (record !== undefined && isFinal(record))
      return { ...withRecord(withEnd(detail, record), record), kept: { by, problem: undefined } }
    return { ...detail, kept: { by, problem: 'keeps no result of it, or none any more' } }
  } catch (error) {
    return { ...detail, kept: { by, problem: `can't be asked for it: ${messageOf(error)}` } }
  }
}

/** With the end from the record, if no event reported it. */
function withEnd(detail: TaskDetail, { state }: ResultRecord): TaskDetail {
  return FINAL.has(detail.state) ? detail : { ...detail, state, unknownSince: undefined, workerLostSince: undefined }
}

function withRecord(detail: TaskDetail, record: ResultRecord): TaskDetail {
  const hides = (part: TaskDetail['hidden'][number]) => detail.hidden.includes(part)
  const kept = (text: string) =>
    ({ text: text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`, from: 'backend' }) as const
  if (!('error' in record)) return hides('results') ? detail : { ...detail, result: kept(textOf(record.result)) }
  if (hides('errors')) return detail
  const { exc_type: type, exc_message: message } = encodeError(record.error) as Readonly<Record<string, unknown>>
  const exception = detail.exception ?? kept(`${String(type)}(${textOf(message)})`).text
  return { ...detail, exception, ...(record.traceback && { traceback: kept(record.traceback) }) }
}

/** A value as JSON, on several lines if that is readable. */
function textOf(value: unknown): string {
  try {
    const text = jsonForPeople(value)
    return text.length <= LONGEST && !isDeep(text) ? jsonForPeople(value, 2) : text
  } catch {
    return 'a value that has no text'
  }
}

/** Whether more than {@link DEEPEST} brackets may be open at once; brackets in texts count too. */
function isDeep(text: string): boolean {
  let [depth, deepest] = [0, 0]
  for (const character of text) {
    if (character === '[' || character === '{') depth += 1
    else if (character === ']' || character === '}') depth -= 1
    deepest = Math.max(deepest, depth)
  }
  return deepest > DEEPEST
}
