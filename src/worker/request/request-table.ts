import type { TaskMessage } from '../../protocol/task-message.ts'
import { ShortLivedMap } from '../../runtime/short-lived-map.ts'
import { type Deferred, deferred } from '../../runtime/time/deferred.ts'
import type { Request, RequestState } from './request.ts'

/**
 * Every request in hand, from receipt to settlement: the source for remote control, for a shutdown, and for whether an attempt
 * for a message is already running here.
 */
export class RequestTable {
  /** The first request of each id. */
  readonly #requests = new ShortLivedMap<string, Request>()
  /** Further requests with the same id, by id. */
  readonly #further = new Map<string, Set<Request>>()
  #furtherCount = 0
  /** Only for requests on whose end someone waits, by `over`. */
  readonly #awaited = new Map<Request, Deferred<void>>()

  add(request: Request): void {
    const { id } = request.message
    const first = this.#requests.get(id)
    if (first === undefined) this.#requests.set(id, request)
    else if (first !== request) this.#addFurther(id, request)
  }

  remove(request: Request): void {
    const { id } = request.message
    if (this.#requests.get(id) === request) this.#requests.take(id)
    if (this.#furtherCount > 0) this.#removeFurther(id, request)
    if (this.#awaited.size > 0) {
      this.#awaited.get(request)?.resolve()
      this.#awaited.delete(request)
    }
  }

  get size(): number {
    return this.#requests.size + this.#furtherCount
  }

  /** The requests in one state, oldest first. */
  inState(state: RequestState): Request[] {
    return this.all().filter((request) => request.state === state)
  }

  /** All requests in hand, oldest first; requests that share their id with an earlier one come last. */
  all(): Request[] {
    const all = this.#requests.values()
    if (this.#furtherCount > 0) for (const requests of this.#further.values()) all.push(...requests)
    return all
  }

  /**
   * The request whose attempt for this message is running, or has ended and is being settled. A retry has the same id and is
   * another attempt; so is a failed task run again by hand.
   */
  running(message: TaskMessage): Request | undefined {
    const { id } = message
    const first = this.#requests.get(id)
    if (first !== undefined && isRunning(first, message)) return first
    if (this.#furtherCount === 0) return undefined
    for (const request of this.#further.get(id) ?? []) if (isRunning(request, message)) return request
    return undefined
  }

  /**
   * Another delivery of a message arrived that the broker had taken back: if a request for it is still in hand, only one of the
   * two must run.
   */
  twinCame(message: TaskMessage): void {
    const { id } = message
    const first = this.#requests.get(id)
    if (first !== undefined && isSameAttempt(first, message)) first.hasTwin = true
    if (this.#furtherCount === 0) return
    for (const request of this.#further.get(id) ?? []) if (isSameAttempt(request, message)) request.hasTwin = true
  }

  /** Resolves when the request is not in hand any more: it is settled, or was returned. */
  over(request: Request): Promise<void> {
    request.hasTwin = true
    let awaited = this.#awaited.get(request)
    if (awaited === undefined) {
      awaited = deferred()
      this.#awaited.set(request, awaited)
    }
    return awaited.promise
  }

  #addFurther(id: string, request: Request): void {
    const requests = this.#further.get(id)
    if (requests === undefined) this.#further.set(id, new Set([request]))
    else if (requests.has(request)) return
    else requests.add(request)
    this.#furtherCount += 1
  }

  /** Also promotes one if the first of its id has left. */
  #removeFurther(id: string, request: Request): void {
    const requests = this.#further.get(id)
    if (requests === undefined) return
    if (requests.delete(request)) this.#furtherCount -= 1
    const [next] = requests
    if (next !== undefined && !this.#requests.has(id)) {
      this.#requests.set(id, next)
      requests.delete(next)
      this.#furtherCount -= 1
    }
    if (requests.size === 0) this.#further.delete(id)
  }
}

function isRunning(request: Request, message: TaskMessage): boolean {
  const { state } = request
  return isSameAttempt(request, message) && (state === 'active' || state === 'settling')
}

function isSameAttempt({ message }: Request, { retries, rerun }: TaskMessage): boolean {
  return message.retries === retries && message.rerun === rerun
}
