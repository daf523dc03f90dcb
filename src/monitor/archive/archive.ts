import { Worker } from 'node:worker_threads'
import { TwqError } from '../../errors.ts'
import { type Deferred, deferred } from '../../runtime/time/deferred.ts'
import type { AuditEntry } from '../answers/actions.ts'
import type { TaskQuery } from '../store/list-tasks.ts'
import type { ChartStep } from '../store/monitor-store.ts'
import type { ArchivedChanges, ArchivedFacts, ArchivedTask, ArchivePage, ArchiveRequest } from './archived.ts'
import type { ArchiveAnswer, NumberedRequest } from './serve-archive.ts'

const ENTRY = new URL('./archive-entry.mjs', import.meta.url)

/** Tasks in a file, read and written by a separate thread: a slow query does not hold up events. */
export class Archive {
  readonly #thread = new Worker(ENTRY, { name: 'twq monitor archive' })
  readonly #asked = new Map<number, Deferred<unknown>>()
  #next = 1
  /** Why the thread answers no more. */
  #over: TwqError | undefined

  private constructor() {
    this.#thread.unref()
    this.#thread.on('message', (answer: ArchiveAnswer) => this.#hear(answer))
    this.#thread.on('error', (error) => this.#end(error))
    this.#thread.on('exit', () => this.#end(new Error('its thread has ended')))
  }

  /** Opens a file, and creates it if necessary. Rejects with `TWQ_CONFIG` if that fails. */
  static async open(file: string): Promise<Archive> {
    const archive = new Archive()
    try {
      await archive.#ask({ kind: 'open', file })
      return archive
    } catch (error) {
      await archive.#thread.terminate()
      throw error
    }
  }

  /** Writes changes, all of them or none. */
  async save(changes: ArchivedChanges, facts: ArchivedFacts): Promise<void> {
    await this.#ask({ kind: 'save', changes, facts })
  }

  /** The steps of the charts. */
  async steps(): Promise<readonly ChartStep[]> {
    return (await this.#ask({ kind: 'steps' })) as readonly ChartStep[]
  }

  /** The newest acts of visitors, the newest last. */
  async audit(limit: number): Promise<readonly AuditEntry[]> {
    return (await this.#ask({ kind: 'audit', limit })) as readonly AuditEntry[]
  }

  /** What was saved besides tasks; undefined in a new file. */
  async facts(): Promise<ArchivedFacts | undefined> {
    return (await this.#ask({ kind: 'facts' })) as ArchivedFacts | undefined
  }

  /** The newest tasks, the newest last. */
  async recent(limit: number): Promise<readonly ArchivedTask[]> {
    return (await this.#ask({ kind: 'recent', limit })) as readonly ArchivedTask[]
  }

  /** The tasks of a page of a list. */
  async find(query: TaskQuery): Promise<ArchivePage> {
    return (await this.#ask({ kind: 'find', query })) as ArchivePage
  }

  /** One task. */
  async task(id: string): Promise<ArchivedTask | undefined> {
    return (await this.#ask({ kind: 'task', id })) as ArchivedTask | undefined
  }

  /** How many tasks there are. */
  async count(): Promise<number> {
    return (await this.#ask({ kind: 'count' })) as number
  }

  /**
   * Deletes what is older than `before`, and what no chart shows any more; both in seconds since the epoch. What is asked meanwhile is
   * answered in between.
   */
  async forget(before: number, now: number): Promise<void> {
    while ((await this.#ask({ kind: 'forget', before, now })) === true);
  }

  /** Requests from then on are rejected with `TWQ_CLOSED`, as after the thread has died. */
  async close(): Promise<void> {
    const closed = this.#ask({ kind: 'close' }).catch(() => {})
    this.#over ??= new TwqError('TWQ_CLOSED', 'the archive was closed')
    await closed
    await this.#thread.terminate()
  }

  #ask(request: ArchiveRequest): Promise<unknown> {
    if (this.#over !== undefined) return Promise.reject(this.#over)
    const number = this.#next++
    const answer = deferred<unknown>()
    this.#asked.set(number, answer)
    this.#thread.postMessage({ number, request } satisfies NumberedRequest)
    return answer.promise
  }

  #hear(answer: ArchiveAnswer): void {
    const asked = this.#asked.get(answer.number)
    this.#asked.delete(answer.number)
    if ('error' in answer) asked?.reject(new TwqError('TWQ_CONFIG', answer.error, { hint: answer.hint }))
    else asked?.resolve(answer.value)
  }

  #end(cause: Error): void {
    this.#over ??= new TwqError('TWQ_CLOSED', 'the archive was closed', { cause })
    for (const asked of this.#asked.values()) asked.reject(this.#over)
    this.#asked.clear()
  }
}
