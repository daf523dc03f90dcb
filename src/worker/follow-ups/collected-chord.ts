import type { Delivery, Subscription } from '../../broker/broker.ts'
import { messageOf, TwqError } from '../../errors.ts'
import { JOIN_TASK, type QueuedChord, readQueuedChord } from '../../protocol/chord/queued-chord.ts'
import { celeryError } from '../../protocol/result/exceptions.ts'
import { decodeResult } from '../../protocol/result/result.ts'
import { isFinal, type RemoteError, type ResultRecord } from '../../protocol/result-record.ts'
import { decodeTask } from '../../protocol/task/decode-task.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { Timer } from '../../runtime/time/clock.ts'

/** In bytes: larger results of one chord could not be sent as the argument of its body. */
const MOST_BYTES = 64 * 1024 * 1024

/** The results with which a chord ends, in the order of its header; without `lastId` it has failed as a whole. */
export interface ChordEnd {
  readonly parts: readonly ResultRecord[]
  /** The task of the header that ended last. */
  readonly lastId?: string
}

/** Parses the message that lists the tasks of a chord's header. Throws `TWQ_MESSAGE_MALFORMED`. */
export function readChord(delivery: Delivery, maxBodySize: number): CollectedChord {
  const decoded = decodeTask(delivery, { maxBodySize })
  if (decoded.kind === 'malformed') throw new TwqError('TWQ_MESSAGE_MALFORMED', decoded.malformed.reason)
  const { message } = decoded
  if (message.task !== JOIN_TASK) throw new TwqError('TWQ_MESSAGE_MALFORMED', `${message.task} is no ${JOIN_TASK}`)
  return new CollectedChord(delivery, message, readQueuedChord(message.kwargs))
}

/** One chord whose results are being collected, each of them unacknowledged until the body is confirmed. */
export class CollectedChord {
  readonly delivery: Delivery
  readonly message: TaskMessage
  readonly chord: QueuedChord
  /** The consumer of its results. */
  subscription: Subscription | undefined
  /** Ends the wait for them. */
  timer: Timer | undefined
  /** The tasks of its header. One that is listed twice has one result. */
  readonly #ids: ReadonlySet<string>
  readonly #records = new Map<string, ResultRecord>()
  readonly #held: Delivery[] = []
  #bytes = 0
  #over = false

  constructor(delivery: Delivery, message: TaskMessage, chord: QueuedChord) {
    this.delivery = delivery
    this.message = message
    this.chord = chord
    this.#ids = new Set(chord.members.map(({ id }) => id))
  }

  /** True once nothing more is collected: it has ended, or was returned. */
  get over(): boolean {
    return this.#over
  }

  /** For the log. */
  get named(): object {
    return { task_id: this.message.id, group: this.chord.groupId }
  }

  /** Stops collecting. */
  leave(): void {
    this.#over = true
    this.timer?.cancel()
  }

  /** Adds one result. Returns what the chord ends with, if that completes it. */
  take(result: Delivery): ChordEnd | undefined {
    if (this.#over) {
      this.#held.push(result)
      return undefined
    }
    const record = readPart(result)
    const { groupId, members } = this.chord
    const known = record === undefined ? undefined : this.#records.get(record.taskId)
    const failsAll = record?.taskId === groupId && record.state !== 'SUCCESS'
    const counts = record !== undefined && this.#ids.has(record.taskId)
    // A task that ran twice may have failed first.
    const isNews = known === undefined || (known.state !== 'SUCCESS' && record?.state === 'SUCCESS')
    if (record === undefined || !isFinal(record) || !(failsAll || (counts && isNews))) {
      result.ack()
      return undefined
    }
    this.#held.push(result)
    this.#bytes += result.body.length
    this.#records.set(record.taskId, record)
    if (failsAll) return { parts: [record] }
    if (this.#bytes > MOST_BYTES) return { parts: [tooLarge(record)] }
    if (this.#records.size < this.#ids.size) return undefined
    return { parts: members.map(({ id }) => this.#records.get(id) as ResultRecord), lastId: record.taskId }
  }

  /** What it ends with if a result did not come in time. */
  timedOut(): ChordEnd {
    const missing = this.chord.members.find(({ id }) => !this.#records.has(id))
    const args = ['its result did not come in time']
    const error: RemoteError = { type: 'TimeoutError', module: 'builtins', args, traceback: null }
    return { parts: [failure(missing?.id ?? this.chord.groupId, error)] }
  }

  /** Returns the results to the queue of the chord, including those that came while its consumer was being ended. */
  async release(): Promise<void> {
    await this.subscription?.cancel().catch(() => {})
    for (const result of this.#held.splice(0).reverse()) result.nack({ requeue: true })
  }
}

/** A result from the queue of a chord; an unreadable one is a failure of its task. Undefined if it names no task. */
function readPart({ body, properties }: Delivery): ResultRecord | undefined {
  try {
    return decodeResult(body)
  } catch (error) {
    const taskId = properties.correlationId
    if (taskId === undefined || taskId === '') return undefined
    return failure(taskId, celeryError('DecodeError', [messageOf(error)]))
  }
}

function tooLarge({ taskId }: ResultRecord): ResultRecord {
  return failure(taskId, celeryError('EncodeError', [`the results of the chord are larger than ${MOST_BYTES} bytes`]))
}

function failure(taskId: string, error: RemoteError): ResultRecord {
  return { taskId, state: 'FAILURE', error, traceback: null, children: [] }
}
