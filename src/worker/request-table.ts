import type { Request, RequestState } from './request.ts'

/** Every request in hand, from receipt to settlement: what remote control reports and a shutdown goes through. */
export class RequestTable {
  readonly #requests = new Set<Request>()

  add(request: Request): void {
    this.#requests.add(request)
  }

  remove(request: Request): void {
    this.#requests.delete(request)
  }

  get size(): number {
    return this.#requests.size
  }

  /** The requests in one state, oldest first. */
  inState(state: RequestState): Request[] {
    return [...this.#requests].filter((request) => request.state === state)
  }

  /** All requests in hand, oldest first. */
  all(): Request[] {
    return [...this.#requests]
  }
}
