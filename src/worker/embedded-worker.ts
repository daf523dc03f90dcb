import type { ResolvedConfig } from '../config/resolve-config.ts'
import { TwqError } from '../errors.ts'
import { deferred } from '../runtime/time/deferred.ts'
import { onAbort } from '../runtime/time/on-abort.ts'
import { createWorker } from './create-worker.ts'
import { givenConfig, openSetup, type WorkerOptions } from './embedded-setup.ts'
import type { Worker } from './lifecycle/worker.ts'

export type { WorkerOptions } from './embedded-setup.ts'

/** A failing check, and the reason. */
export interface FailingCheck {
  readonly check: string
  readonly why: string
}

/** The state of a worker: the answers to probes, and its current work. */
export interface EmbeddedHealth {
  readonly state: 'new' | 'starting' | 'running' | 'stopping' | 'stopped'
  /** False if a restart would help. */
  readonly live: boolean
  /** Whether it provably consumes all its queues. */
  readonly ready: boolean
  /** Why it is not ready. */
  readonly failing: readonly FailingCheck[]
  /** The number of running tasks. */
  readonly active: number
  /** The number of tasks that wait for a slot. */
  readonly reserved: number
  /** The number of tasks that wait for their ETA. */
  readonly held: number
  /** How many attempts have ended. */
  readonly processed: number
}

/**
 * A worker in a process of your own. It installs no handler for signals, uncaught exceptions or unhandled rejections, and never
 * ends the process: the process decides when to stop it.
 */
export interface EmbeddedWorker extends AsyncDisposable {
  /**
   * Resolves when it consumes. Rejects with the reason if it can't, after everything it opened is closed; with `TWQ_CLOSED` after
   * `stop`. Waits for an unreachable broker. A second call returns the first one's promise: a worker starts once.
   */
  start(): Promise<void>
  /**
   * `warm`, the default, lets running tasks finish within `shutdown.grace`, as SIGTERM does with `twq worker start`; `cold`
   * aborts them at once, as does `signal` when it aborts. Resolves when all messages are returned and everything is closed:
   * `forced` if an attempt had to be ended. A further call waits for the same end, and a cold one hastens it.
   */
  stop(kind?: 'warm' | 'cold', options?: { readonly signal?: AbortSignal }): Promise<'clean' | 'forced'>
  /** Resolves and rejects together with `start`, without starting anything. */
  readonly ready: Promise<void>
  /** Resolves when it has stopped for any reason, including remote control. Rejects if an internal error stopped it. */
  readonly stopped: Promise<'clean' | 'forced'>
  /** Its current state. */
  health(): EmbeddedHealth
}

/** Creates a worker to run in this process; nothing happens before `start`. Throws `TWQ_CONFIG` for invalid options. */
export function createEmbeddedWorker(options: WorkerOptions = {}): EmbeddedWorker {
  return new StandingWorker(options, givenConfig(options))
}

class StandingWorker implements EmbeddedWorker {
  readonly #options: WorkerOptions
  readonly #given: ResolvedConfig | undefined
  readonly #ready = deferred<void>()
  readonly #stopped = deferred<'clean' | 'forced'>()
  #state: EmbeddedHealth['state'] = 'new'
  #worker: Worker | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<'clean' | 'forced'> | undefined
  #cold = false

  constructor(options: WorkerOptions, given: ResolvedConfig | undefined) {
    this.#options = options
    this.#given = given
    // If nobody awaits these, a rejection must not end the process.
    this.ready.catch(() => {})
    this.stopped.catch(() => {})
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  get stopped(): Promise<'clean' | 'forced'> {
    return this.#stopped.promise
  }

  start(): Promise<void> {
    if (this.#starting === undefined) {
      this.#starting = this.#start()
      this.#starting.then(this.#ready.resolve, this.#ready.reject)
    }
    return this.#starting
  }

  stop(
    kind: 'warm' | 'cold' = 'warm',
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<'clean' | 'forced'> {
    if (kind === 'cold' || signal?.aborted) this.#hasten()
    this.#stopping ??= this.#stop()
    if (signal === undefined || signal.aborted) return this.#stopping
    return this.#hastenedBy(signal, this.#stopping)
  }

  health(): EmbeddedHealth {
    const state = this.#state
    if (this.#worker === undefined || state === 'stopped') return withoutWorker(state)
    const { live, ready, failing, active, reserved, held, processed } = this.#worker.report()
    return { state, live, ready, failing, active, reserved, held, processed }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #start(): Promise<void> {
    if (this.#stopping !== undefined) throw closed()
    this.#state = 'starting'
    try {
      const setup = await openSetup(this.#options, this.#given)
      if (this.#stopping !== undefined) throw closed()
      this.#worker = createWorker({ ...setup, observer: { stopping: () => this.#leaves() } })
      this.#worker.stopped.then(
        (how) => this.#end(() => this.#stopped.resolve(how)),
        (error) => this.#end(() => this.#stopped.reject(error)),
      )
      await this.#worker.start()
      if (this.#state === 'starting') this.#state = 'running'
    } catch (error) {
      // A worker that could not start has already stopped.
      if (this.#worker === undefined) this.#end(() => this.#stopped.resolve('clean'))
      throw error
    }
  }

  async #stop(): Promise<'clean' | 'forced'> {
    const starting = this.#starting?.catch(() => {})
    if (starting === undefined) this.#ready.reject(closed())
    // Its configuration is still being loaded.
    if (this.#worker === undefined) await starting
    const worker = this.#worker
    if (worker === undefined) {
      this.#end(() => this.#stopped.resolve('clean'))
      return 'clean'
    }
    const isLeaving = this.#state === 'stopping'
    // A second stop would skip the grace period.
    const how = isLeaving && !this.#cold ? worker.stopped.catch(() => 'forced' as const) : worker.stop(this.#kind)
    await starting
    return await how
  }

  get #kind(): 'warm' | 'cold' {
    return this.#cold ? 'cold' : 'warm'
  }

  /** By `stop`, or on its own: by remote control, or because it can't go on. */
  #leaves(): void {
    this.#state = 'stopping'
  }

  #end(tell: () => void): void {
    this.#state = 'stopped'
    tell()
  }

  /** Only once: another call would not even wait for what it aborts. */
  #hasten(): void {
    if (this.#cold) return
    this.#cold = true
    if (this.#stopping !== undefined) void this.#worker?.stop('cold')
  }

  async #hastenedBy(signal: AbortSignal, stopping: Promise<'clean' | 'forced'>): Promise<'clean' | 'forced'> {
    const forget = onAbort(signal, () => this.#hasten())
    try {
      return await stopping
    } finally {
      forget()
    }
  }
}

const NOTHING = { active: 0, reserved: 0, held: 0, processed: 0 }

/** The health if there is no worker to ask. */
function withoutWorker(state: EmbeddedHealth['state']): EmbeddedHealth {
  const over = state === 'stopped'
  const why = over ? 'the worker has stopped' : 'the worker has not consumed yet'
  const failing = [{ check: over ? 'shutdown' : 'startup', why }]
  return { state, live: !over, ready: false, failing, ...NOTHING }
}

function closed(): TwqError {
  return new TwqError('TWQ_CLOSED', 'the worker was stopped before it was ready', {
    hint: 'A worker starts once: create another one.',
  })
}
