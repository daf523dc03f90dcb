import type { Pool, RunOptions } from '../../pool/pool.ts'
import type { State } from '../../protocol/result-record.ts'
import type { Json } from '../../runtime/json.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import type { PassedOn } from '../../tasks/attempt/invocation.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import type { Moments } from '../request/moments.ts'
import type { Request } from '../request/request.ts'
import type { RequestTable } from '../request/request-table.ts'
import type { KeptOutcomes } from '../settle/kept-outcomes.ts'
import type { SettleListener } from '../settle/settle.ts'
import type { Attempts } from './attempts.ts'
import type { Twins } from './twins.ts'

const TERMINATED: Outcome = { kind: 'revoked', reason: 'terminated' }

/** The parts that the dispatcher works with. */
export interface DispatcherParts {
  readonly pool: Pool
  /** The initial number of attempts at once. */
  readonly concurrency: number
  /** How many finished attempts may wait for the broker before no new one is started. */
  readonly settlingLimit: number
  readonly table: RequestTable
  readonly clock: Clock
  readonly logger: EventLogger
  /** Gets `waiting` when a request finds no free slot. */
  readonly moments: Pick<Moments, 'waiting'>
  readonly attempts: Pick<Attempts, 'refuse' | 'started' | 'storeState' | 'addToChord' | 'settle'>
  /** Takes over a request that may have started before and must not start now. */
  readonly twins: Pick<Twins, 'divert'>
  /** Keeps the outcomes that could not be settled, and retries them; those of attempts keep their slots. */
  readonly kept: Pick<KeptOutcomes, 'keep' | 'halted' | 'full'>
  /** Returns the messages of requests that are not started. Never rejects. */
  readonly giveBack: (requests: readonly Request[]) => Promise<void>
}

// In milliseconds. The bytes of pending outcomes decrease without a call of the dispatcher: it checks again after this time.
const LOOK_FOR_ROOM_AFTER = 250

/** Gives slots to requests in the order of arrival: waits for a slot, runs in the pool, frees the slot, starts the settlement. */
export class Dispatcher implements SettleListener {
  readonly #parts: DispatcherParts
  #ready: Request[] = []
  #next = 0
  #running = 0
  /** Those that run beside the slots. */
  #beside = 0
  #settling = 0
  /** Slots of attempts whose outcomes are kept. */
  #held = 0
  #stopped = false
  #pumping = false
  #concurrency: number
  #idle: (() => void)[] = []
  #lookForRoom: Timer | undefined

  constructor(parts: DispatcherParts) {
    this.#parts = parts
    this.#concurrency = parts.concurrency
  }

  /** How many attempts may run at once. */
  get concurrency(): number {
    return this.#concurrency
  }

  /** Changes the number of slots; attempts in surplus slots continue. */
  resize(concurrency: number): void {
    this.#concurrency = concurrency
    this.#pump()
  }

  /** Requests that wait for a slot. */
  get waiting(): number {
    return this.#ready.length - this.#next
  }

  /** Attempts whose user code runs now. */
  get running(): number {
    return this.#running
  }

  /** Running attempts, and finished ones that are not settled yet. */
  get unfinished(): number {
    return this.#running + this.#settling
  }

  /** Queues a request for the next free slot; while nothing new is accepted it is returned. */
  submit(request: Request): void {
    if (this.#parts.kept.halted) {
      this.#return(request)
      return
    }
    request.state = 'reserved'
    this.#ready.push(request)
    this.#pump()
    if (this.waiting > 0) this.#parts.moments.waiting()
  }

  /** Starts a request at once, beside the slots, by default in the same pool. */
  startAtOnce(request: Request, pool: Pick<Pool, 'run'> = this.#parts.pool): void {
    if (this.#parts.kept.halted) {
      this.#return(request)
      return
    }
    if (request.mayBeTwin && this.#parts.twins.divert(request)) return
    const refused = this.#parts.attempts.refuse(request)
    if (refused !== undefined) this.conclude(request, refused)
    else this.#run(request, pool, true)
  }

  /** Settles a request whose outcome is known. */
  conclude(request: Request, outcome: Outcome): void {
    this.#settling += 1
    request.state = 'settling'
    this.#parts.attempts.settle(request, outcome, this)
  }

  /** The settlement of a request is over. */
  settled(request: Request): void {
    request.state = 'settled'
    this.#parts.table.remove(request)
    this.#settling -= 1
    this.#pump()
  }

  /** The outcome of a request could not be settled: it is kept until it is. One that was expired or revoked has never had a slot. */
  unsettled(request: Request, outcome: Outcome, error: unknown): void {
    const slots = request.startedAt === undefined ? 0 : 1
    this.#held += slots
    void this.#parts.kept.keep(request, outcome, error).then(() => {
      this.#held -= slots
      this.settled(request)
    })
  }

  /** Starts nothing more, and returns the requests that wait for a slot. */
  stop(): Request[] {
    this.#stopped = true
    this.#lookForRoom?.cancel()
    return this.#takeReady()
  }

  /** The next request among those that wait for a slot. */
  get next(): Request | undefined {
    return this.#ready[this.#next]
  }

  /** The last `count` requests that wait for a slot, in their order. */
  last(count: number): readonly Request[] {
    return this.#ready.slice(Math.max(this.#next, this.#ready.length - count))
  }

  /** Removes these from the queue for a slot; the caller handles them from now on. */
  takeOut(requests: ReadonlySet<Request>): void {
    this.#ready = this.#takeReady().filter((request) => !requests.has(request))
  }

  /** Returns the requests that wait for a slot. */
  returnWaiting(): void {
    for (const request of this.#takeReady()) this.#return(request)
  }

  /** Starts waiting requests once new ones are accepted again. */
  resume(): void {
    this.#pump()
  }

  /** Removes the waiting requests that the broker took back with their channel. */
  dropTakenBack(): Request[] {
    const waiting = this.#takeReady()
    const dropped = waiting.filter((request) => request.takenBack)
    this.#ready = waiting.filter((request) => !request.takenBack)
    return dropped
  }

  /** Resolves when nothing runs and nothing is being settled. */
  async idle(): Promise<void> {
    if (this.unfinished === 0) return
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #takeReady(): Request[] {
    const waiting = this.#ready.slice(this.#next)
    this.#ready = []
    this.#next = 0
    return waiting
  }

  #return(request: Request): void {
    this.#parts.table.remove(request)
    void this.#parts.giveBack([request])
  }

  /** Starts what may start now. A task that ends synchronously calls this again, which does nothing, since the loop continues. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#mayStart()) this.#startNext()
    } finally {
      this.#pumping = false
    }
    if (this.unfinished === 0) for (const resolve of this.#idle.splice(0)) resolve()
    // A queue with a moving head: compacted when its unused part is the larger one.
    if (this.#next > 1024 && this.#next * 2 > this.#ready.length) {
      this.#ready = this.#ready.slice(this.#next)
      this.#next = 0
    } else if (this.#next === this.#ready.length && this.#next > 0) {
      this.#ready.length = 0
      this.#next = 0
    }
  }

  /** Whether there is a request, and a slot for it. */
  #mayStart(): boolean {
    const { kept, settlingLimit } = this.#parts
    if (this.#next === this.#ready.length || this.#stopped || this.#settling >= settlingLimit || kept.halted)
      return false
    if (this.#running >= this.#concurrency + this.#beside - this.#held) return false
    if (!kept.full) return true
    this.#pumpLater()
    return false
  }

  #startNext(): void {
    const { pool, attempts, twins, table } = this.#parts
    const request = this.#ready[this.#next] as Request
    this.#next += 1
    if (request.takenBack) {
      table.remove(request)
      return
    }
    if (request.mayBeTwin && twins.divert(request)) return
    const refused = attempts.refuse(request)
    if (refused !== undefined) this.conclude(request, refused)
    else this.#run(request, pool, false)
  }

  #pumpLater(): void {
    this.#lookForRoom ??= this.#parts.clock.after(LOOK_FOR_ROOM_AFTER, () => {
      this.#lookForRoom = undefined
      this.#pump()
    })
  }

  #run(request: Request, pool: Pick<Pool, 'run'>, beside: boolean): void {
    this.#running += 1
    if (beside) this.#beside += 1
    request.state = 'active'
    const outcome = pool.run(request.invocation, new Run(request, this.#parts.attempts))
    if (outcome instanceof Promise) void outcome.then((later) => this.#ended(request, later, beside))
    else this.#ended(request, outcome, beside)
  }

  #ended(request: Request, outcome: Outcome, beside: boolean): void {
    this.#running -= 1
    if (beside) this.#beside -= 1
    this.conclude(request, request.terminatedBy !== undefined && outcome.kind !== 'succeeded' ? TERMINATED : outcome)
    this.#pump()
  }
}

/**
 * The options that the pool gets for a request, and its callbacks. A class, since an object literal with getters costs a
 * microsecond.
 */
class Run implements RunOptions {
  readonly #request: Request
  readonly #attempts: DispatcherParts['attempts']

  constructor(request: Request, attempts: DispatcherParts['attempts']) {
    this.#request = request
    this.#attempts = attempts
  }

  get signal(): AbortSignal {
    return this.#request.signal
  }

  get aborted(): boolean {
    return this.#request.aborted
  }

  onStarted({ pid }: { readonly pid: number }): void {
    this.#attempts.started(this.#request, pid)
  }

  onState(state: State, meta: Json): Promise<void> {
    return this.#attempts.storeState(this.#request, state, meta)
  }

  onAddToChord(signature: Json, passOn: PassedOn): Promise<string> {
    return this.#attempts.addToChord(this.#request, signature, passOn)
  }
}
