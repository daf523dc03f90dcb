import type { Request } from './request.ts'

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

  /** The requests whose user code runs, oldest first. */
  active(): Request[] {
    return [...this.#requests].filter((request) => request.state === 'active')
  }

  /** All requests in hand, oldest first. */
  all(): Request[] {
    return [...this.#requests]
  }
}
