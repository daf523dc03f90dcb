import { describe, expect, it } from 'vitest'
import type { Pool } from '../../../src/pool/pool.ts'
import { type Clock, systemClock } from '../../../src/runtime/time/clock.ts'
import { type Deferred, deferred } from '../../../src/runtime/time/deferred.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import type { Outcome } from '../../../src/tasks/attempt/outcome.ts'
import { Moments } from '../../../src/worker/request/moments.ts'
import type { Request } from '../../../src/worker/request/request.ts'
import { RequestTable } from '../../../src/worker/request/request-table.ts'
import { Dispatcher, type DispatcherParts } from '../../../src/worker/run/dispatcher.ts'
import { aRequest } from '../../support/a-request.ts'
import { silentLogger } from '../../support/silent-logger.ts'

const DONE: Outcome = { kind: 'succeeded', result: null, runtime: 0 }

/** A pool whose attempts end when the test says so. */
class HandPool implements Pool {
  readonly onEventLoop = true
  readonly name = 'hand pool'
  readonly kind = 'hand'
  readonly running = new Map<string, Deferred<Outcome>>()

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  run(invocation: { readonly message: { readonly id: string } }): Outcome | Promise<Outcome> {
    const attempt = deferred<Outcome>()
    this.running.set(invocation.message.id, attempt)
    return attempt.promise
  }

  async end(id: string, outcome: Outcome = DONE): Promise<void> {
    this.running.get(id)?.resolve(outcome)
    this.running.delete(id)
    await turn()
  }

  get ids(): string[] {
    return [...this.running.keys()]
  }
}

/** A pool whose attempts are over when they are begun. */
class SyncPool extends HandPool {
  readonly ran: string[] = []

  override run({ message: { id } }: { readonly message: { readonly id: string } }): Outcome {
    this.ran.push(id)
    return DONE
  }
}

interface Options {
  readonly concurrency?: number
  readonly settlingLimit?: number
  readonly settle?: (request: Request) => Promise<void>
  readonly clock?: Clock
  readonly kept?: DispatcherParts['kept']
  readonly refuse?: (request: Request) => Outcome | undefined
}

function aDispatcher<P extends HandPool = HandPool>(options: Options = {}, pool = new HandPool() as P) {
  const table = new RequestTable()
  const settled: string[] = []
  const dispatcher = new Dispatcher({
    pool,
    table,
    concurrency: options.concurrency ?? 2,
    settlingLimit: options.settlingLimit ?? 100,
    clock: options.clock ?? systemClock,
    logger: silentLogger,
    moments: new Moments(),
    twins: { divert: () => false },
    kept: options.kept ?? { keep: () => Promise.reject(new Error('kept')), halted: false, full: false },
    giveBack: async (requests) => {
      for (const request of requests) request.requeue()
    },
    attempts: {
      refuse: options.refuse ?? (() => undefined),
      started: () => undefined,
      addToChord: async () => '',
      storeState: async () => undefined,
      settle: (request, outcome, listener) => {
        const isSettled = (): void => {
          settled.push(request.message.id)
          listener.settled(request)
        }
        if (options.settle === undefined) isSettled()
        else options.settle(request).then(isSettled, (error: unknown) => listener.unsettled(request, outcome, error))
      },
    },
  })
  const submit = (...ids: string[]): void => {
    for (const id of ids) {
      const request = aRequest({ id })
      table.add(request)
      dispatcher.submit(request)
    }
  }
  return { pool, table, dispatcher, settled, submit }
}

describe('a dispatcher', () => {
  it('runs as many requests at once as it has slots, in the order they came', async () => {
    const { pool, submit } = aDispatcher({ concurrency: 2 })
    submit('a', 'b', 'c', 'd')
    expect(pool.ids).toEqual(['a', 'b'])
    await pool.end('b')
    expect(pool.ids).toEqual(['a', 'c'])
    await pool.end('a')
    expect(pool.ids).toEqual(['c', 'd'])
  })

  it('starts what waits when it gets more slots, and lets what runs go on when it has fewer', async () => {
    const { pool, dispatcher, submit } = aDispatcher({ concurrency: 1 })
    submit('a', 'b', 'c', 'd')
    dispatcher.resize(3)
    expect(pool.ids).toEqual(['a', 'b', 'c'])
    expect(dispatcher.waiting).toBe(1)
    dispatcher.resize(1)
    await pool.end('a')
    await pool.end('b')
    expect(pool.ids).toEqual(['c'])
    await pool.end('c')
    expect(pool.ids).toEqual(['d'])
  })

  it('runs one after the other what is over at once, however much waits', () => {
    const { pool, dispatcher, submit } = aDispatcher({ concurrency: 0 }, new SyncPool())
    const ids = Array.from({ length: 20_000 }, (_, index) => String(index))
    for (const id of ids) submit(id)
    dispatcher.resize(1)
    expect(pool.ran).toEqual(ids)
    expect(dispatcher.unfinished).toBe(0)
  })

  it('frees the slot when the attempt ends, not when its result is safe', async () => {
    const safe = deferred<void>()
    const { pool, dispatcher, submit, settled } = aDispatcher({ concurrency: 1, settle: () => safe.promise })
    submit('a', 'b')
    await pool.end('a')
    expect(pool.ids).toEqual(['b'])
    expect(dispatcher.unfinished).toBe(2)
    safe.resolve()
    await turn()
    expect(settled).toEqual(['a'])
  })

  it('starts nothing more while too many results wait for the broker', async () => {
    const safe = deferred<void>()
    const { pool, submit } = aDispatcher({ concurrency: 1, settlingLimit: 2, settle: () => safe.promise })
    submit('a', 'b', 'c')
    await pool.end('a')
    await pool.end('b')
    expect(pool.ids).toEqual([])
    safe.resolve()
    await turn()
    expect(pool.ids).toEqual(['c'])
  })

  it('passes over a request that the broker has taken back', async () => {
    const { pool, table, dispatcher, submit } = aDispatcher({ concurrency: 1 })
    submit('a')
    const gone = aRequest({ id: 'gone' }, { alive: false })
    table.add(gone)
    dispatcher.submit(gone)
    submit('b')
    await pool.end('a')
    expect(pool.ids).toEqual(['b'])
    expect(table.all()).not.toContain(gone)
  })

  it('settles a request that is refused at the last moment without running it', async () => {
    const { pool, submit, settled } = aDispatcher({
      refuse: (request) => (request.message.id === 'old' ? { kind: 'revoked', reason: 'expired' } : undefined),
    })
    submit('old', 'new')
    await turn()
    expect(pool.ids).toEqual(['new'])
    expect(settled).toEqual(['old'])
  })

  it('neither runs a task again whose outcome can not be settled, nor returns its message, and keeps its slot', async () => {
    const kept = { keep: () => settledAtLast.promise, halted: false, full: false }
    const settledAtLast = deferred<void>()
    const settle = () => Promise.reject(new Error('the broker is gone'))
    const { pool, dispatcher, submit, table } = aDispatcher({ concurrency: 1, settle, kept })
    submit('a')
    const [request] = table.all()
    if (request !== undefined) request.startedAt = 1
    await pool.end('a')
    submit('b')
    expect(pool.ids).toEqual([])
    expect(request?.delivery).toMatchObject({ settlement: 'none' })
    expect(dispatcher.unfinished).toBe(1)
    settledAtLast.resolve()
    await turn()
    expect(pool.ids).toEqual(['b'])
  })

  it('takes no slot for a request that expired before it ran, and whose outcome can not be settled', async () => {
    const settledAtLast = deferred<void>()
    const kept = { keep: () => settledAtLast.promise, halted: false, full: false }
    const { pool, dispatcher, submit, settled } = aDispatcher({
      concurrency: 1,
      kept,
      refuse: ({ message }) => (message.id === 'old' ? { kind: 'revoked', reason: 'expired' } : undefined),
      settle: ({ message }) => (message.id === 'old' ? Promise.reject(new Error('no backend')) : Promise.resolve()),
    })
    submit('old')
    await turn()
    submit('new')
    expect(pool.ids).toEqual(['new'])
    expect({ unfinished: dispatcher.unfinished, settled }).toEqual({ unfinished: 2, settled: [] })
    await pool.end('new')
    settledAtLast.resolve()
    await dispatcher.idle()
    expect(dispatcher.unfinished).toBe(0)
  })

  it('gives back what comes while nothing new is taken, and starts nothing', async () => {
    const kept = { keep: async () => {}, halted: false, full: false }
    const { pool, table, dispatcher, submit } = aDispatcher({ concurrency: 1, kept })
    submit('a', 'b')
    const [, waiting] = table.all()
    kept.halted = true
    dispatcher.returnWaiting()
    submit('c')
    await pool.end('a')
    expect(pool.ids).toEqual([])
    expect(table.size).toBe(0)
    expect(waiting?.delivery).toMatchObject({ settlement: 'requeued' })
  })

  it('starts nothing while too many bytes wait, and looks for room by itself', async () => {
    const clock = new ManualClock()
    const kept = { keep: async () => {}, halted: false, full: true }
    const { pool, submit } = aDispatcher({ kept, clock })
    submit('a')
    expect(pool.ids).toEqual([])
    kept.full = false
    await clock.pass('1s')
    expect(pool.ids).toEqual(['a'])
  })

  it('after it was stopped starts nothing, and returns what had not started', async () => {
    const { pool, dispatcher, submit } = aDispatcher({ concurrency: 1 })
    submit('a', 'b', 'c')
    expect(dispatcher.stop().map((request) => request.message.id)).toEqual(['b', 'c'])
    const idle = dispatcher.idle()
    await pool.end('a')
    await idle
    expect(pool.ids).toEqual([])
  })
})

async function turn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
}
