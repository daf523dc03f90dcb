import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSession, type Session, type SessionEvent } from '../../src/broker/session.ts'
import { TwqError } from '../../src/errors.ts'
import { type Clock, systemClock } from '../../src/runtime/time/clock.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { FakeBroker, type FakeChannel } from '../support/fake-broker.ts'

const unreachable = (): TwqError => new TwqError('TWQ_BROKER_UNREACHABLE', 'nothing listens')
const lost = (): TwqError => new TwqError('TWQ_CONNECTION_LOST', 'reset')
const closed = (): TwqError => new TwqError('TWQ_CHANNEL_CLOSED', 'gone')
const soon = (): AbortSignal => AbortSignal.timeout(5_000)

function aSession(broker = new FakeBroker(), over: { giveUpAfter?: number; signal?: AbortSignal; clock?: Clock } = {}) {
  // Full jitter with no luck: every delay is zero.
  const session = createSession({ broker, name: 'test', clock: systemClock, random: () => 0, ...over })
  const events: SessionEvent[] = []
  session.listen((event) => events.push(event))
  return { broker, session, events, kinds: () => events.map(({ kind }) => kind) }
}

function next<K extends SessionEvent['kind']>(session: Session, kind: K): Promise<SessionEvent & { kind: K }> {
  const { promise, resolve } = deferred<SessionEvent & { kind: K }>()
  const stop = session.listen((event) => {
    if (event.kind !== kind) return
    stop()
    resolve(event as SessionEvent & { kind: K })
  })
  return promise
}

describe('start', () => {
  it('tries until the broker is there', async () => {
    const { broker, session, events, kinds } = aSession()
    broker.refusals.push(unreachable(), unreachable())
    await session.start()
    expect(session.connected).toBe(true)
    expect(kinds()).toEqual(['retrying', 'retrying', 'connected'])
    expect(session.trouble).toBeUndefined()
    expect(events.at(-1)).toMatchObject({ attempts: 3, downtimeMs: 0 })
    await session.stop({ deadline: soon() })
  })

  it.each(['TWQ_BROKER_AUTH', 'TWQ_BROKER_VHOST', 'TWQ_BROKER_TLS'] as const)(
    'rejects at once with %s',
    async (code) => {
      const { broker, session } = aSession()
      broker.refusals.push(new TwqError(code, 'no'))
      const kept = session.keep('any', async () => {})
      await expect(session.start()).rejects.toMatchObject({ code })
      await expect(kept.ready).rejects.toMatchObject({ code })
      await expect(session.withChannel(async () => {})).rejects.toMatchObject({ code })
      expect(broker.tries).toBe(1)
      await session.stop({ deadline: soon() })
    },
  )

  it('gives up on an absent broker when it may', async () => {
    const { broker, session } = aSession(new FakeBroker(), { giveUpAfter: 0 })
    broker.refusals.push(unreachable())
    await expect(session.start()).rejects.toMatchObject({ code: 'TWQ_BROKER_UNREACHABLE' })
  })

  it("gives up with the signal's reason", async () => {
    const reason = new Error('the caller lost patience')
    const giveUp = new AbortController()
    const { broker, session } = aSession(new FakeBroker(), { signal: giveUp.signal })
    broker.refusals.push(unreachable())
    session.listen(() => giveUp.abort(reason))
    await expect(session.start()).rejects.toBe(reason)
  })

  it('ends with TWQ_CLOSED when the session is stopped first', async () => {
    const { broker, session } = aSession()
    broker.refusals.push(...Array.from({ length: 1_000 }, unreachable))
    const retrying = next(session, 'retrying')
    const started = session.start()
    started.catch(() => {})
    await retrying
    await session.stop({ deadline: soon() })
    await expect(started).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
  })
})

describe('a lost connection', () => {
  it('is replaced, whatever the broker says meanwhile, and every kept channel set up again', async () => {
    const { broker, session, kinds } = aSession()
    const setups: string[] = []
    session.keep('a', async () => void setups.push('a'))
    session.keep('b', async () => void setups.push('b'))
    await session.start()
    broker.refusals.push(new TwqError('TWQ_BROKER_AUTH', 'rotated'), unreachable())
    const back = next(session, 'connected')
    broker.current?.lose(lost())
    expect(await back).toMatchObject({ attempts: 4 })
    await session.withChannel(async () => {})
    expect(setups).toEqual(['a', 'b', 'a', 'b'])
    expect(kinds()).toEqual(['connected', 'lost', 'retrying', 'retrying', 'retrying', 'connected'])
    await session.stop({ deadline: soon() })
  })

  it('tells that the broker blocks and unblocks', async () => {
    const { broker, session, events } = aSession()
    await session.start()
    broker.current?.block('low on memory')
    broker.current?.block(undefined)
    expect(events.slice(1)).toEqual([{ kind: 'blocked', reason: 'low on memory' }, { kind: 'unblocked' }])
    await session.stop({ deadline: soon() })
  })
})

describe('keep', () => {
  it('sets a channel up again when it dies alone', async () => {
    const { session, events } = aSession()
    const channels: FakeChannel[] = []
    const again = deferred<void>()
    const kept = session.keep('tasks', async (channel) => {
      channels.push(channel as FakeChannel)
      if (channels.length === 2) again.resolve()
    })
    await session.start()
    await kept.ready
    expect(kept.channel).toBe(channels[0])
    const error = closed()
    channels[0]?.lose(error)
    expect(kept.up).toBe(false)
    await again.promise
    expect(events).toContainEqual({ kind: 'channel-lost', name: 'tasks', error })
    await session.withChannel(async () => {})
    expect(kept.channel).toBe(channels[1])
    await session.stop({ deadline: soon() })
    expect(kept.up).toBe(false)
  })

  it('rejects `ready` with what trying again cannot mend, and gives up', async () => {
    const { session } = aSession()
    let setups = 0
    const kept = session.keep('tasks', async () => {
      setups += 1
      throw new TwqError('TWQ_BROKER_PERMISSION', 'no')
    })
    await session.start()
    await expect(kept.ready).rejects.toMatchObject({ code: 'TWQ_BROKER_PERMISSION' })
    await session.withChannel(async () => {})
    expect(setups).toBe(1)
    await session.stop({ deadline: soon() })
  })

  it('tries again after a passing failure, and after any failure once it has been up', async () => {
    const { session, events } = aSession()
    const outcomes = [closed(), undefined, new TwqError('TWQ_BROKER_PERMISSION', 'revoked'), undefined]
    const done = deferred<void>()
    const channels: FakeChannel[] = []
    const kept = session.keep('tasks', async (channel) => {
      channels.push(channel as FakeChannel)
      const outcome = outcomes.shift()
      if (outcome) throw outcome
      if (outcomes.length === 0) done.resolve()
    })
    await session.start()
    await kept.ready
    channels.at(-1)?.lose(closed())
    await done.promise
    expect(events.flatMap((event) => (event.kind === 'setup-failed' ? [event.error.message] : []))).toEqual([
      'gone',
      'revoked',
    ])
    await session.stop({ deadline: soon() })
  })

  it('tells each reason why a channel is not set up once, again after a minute, and when it is there', async () => {
    const [no, gone] = [new TwqError('TWQ_BROKER_PERMISSION', 'no'), closed()]
    const outcomes = [no, no, no, no, gone, gone, undefined]
    let minutes = 0
    const clock: Clock = {
      now: systemClock.now,
      after: systemClock.after,
      monotonic: () => minutes * 60_000,
    }
    const { session, events } = aSession(new FakeBroker(), { clock })
    let first = true
    const restored = next(session, 'channel-restored')
    const kept = session.keep('tasks', async (channel) => {
      if (first) {
        first = false
        queueMicrotask(() => setImmediate(() => (channel as FakeChannel).lose(closed())))
        return
      }
      if (outcomes.length === 5) minutes += 1
      const outcome = outcomes.shift()
      if (outcome) throw outcome
    })
    await session.start()
    await kept.ready
    await restored
    expect(events.map((event) => (event.kind === 'setup-failed' ? event.error : event.kind))).toEqual([
      'connected',
      'channel-lost',
      no,
      no,
      gone,
      'channel-restored',
    ])
    await session.stop({ deadline: soon() })
  })

  it('tries for ever to have an auxiliary channel, whatever the error, and tells each reason once', async () => {
    const { session, events } = aSession()
    const [locked, forbidden] = [
      new TwqError('TWQ_QUEUE_LOCKED', 'locked'),
      new TwqError('TWQ_BROKER_PERMISSION', 'no'),
    ]
    const outcomes = [locked, locked, forbidden, forbidden, forbidden, locked]
    const told: Error[] = []
    const kept = session.keep(
      'mailbox',
      async () => {
        const outcome = outcomes.shift()
        if (outcome) throw outcome
      },
      { onDown: (error) => told.push(error) },
    )
    await session.start()
    await kept.ready
    expect(told).toEqual([locked, forbidden, locked])
    expect(events.map(({ kind }) => kind)).toEqual(['connected'])
    await session.stop({ deadline: soon() })
  })

  it('goes on without a setup that never ends once its channel is gone, and tells it so', async () => {
    const { session } = aSession()
    const channels: FakeChannel[] = []
    const signals: AbortSignal[] = []
    const kept = session.keep('tasks', async (channel, signal) => {
      channels.push(channel as FakeChannel)
      signals.push(signal)
      if (channels.length === 1) {
        setImmediate(() => channels[0]?.lose(closed()))
        await new Promise(() => {})
      }
    })
    await session.start()
    await kept.ready
    expect(signals.map((signal) => signal.aborted)).toEqual([true, false])
    await session.stop({ deadline: soon() })
  })

  it('closes a channel that is given up while it is opened, and says nothing', async () => {
    const { broker, session } = aSession()
    await session.start()
    const unhandled: unknown[] = []
    const hear = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', hear)
    const kept = session.keep('any', async () => {})
    await kept[Symbol.asyncDispose]()
    await session.stop({ deadline: soon() })
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', hear)
    expect(broker.connections[0]?.channels.map(({ isOpen }) => isOpen)).toEqual([false])
    expect(unhandled).toEqual([])
  })

  it('closes the channel when it is given up', async () => {
    const { broker, session } = aSession()
    await session.start()
    const kept = session.keep('tasks', async () => {})
    await kept.ready
    await kept[Symbol.asyncDispose]()
    expect(broker.current?.channels.map((channel) => channel.isOpen)).toEqual([false])
    expect(kept.up).toBe(false)
    await session.stop({ deadline: soon() })
  })
})

describe('withChannel', () => {
  it('waits for a connection, lends a channel and closes it', async () => {
    const { broker, session } = aSession()
    const answer = session.withChannel(async (channel) => channel.isOpen)
    await session.start()
    expect(await answer).toBe(true)
    expect(broker.current?.channels[0]?.isOpen).toBe(false)
    await session.stop({ deadline: soon() })
  })

  it('waits no longer than its signal', async () => {
    const { session } = aSession()
    const reason = new Error('too late')
    await expect(session.withChannel(async () => {}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('stop', () => {
  it('destroys a connection that does not answer in time', async () => {
    const { broker, session } = aSession()
    await session.start()
    const connection = broker.current
    if (connection) connection.answersClose = false
    await session.stop({ deadline: AbortSignal.abort() })
    expect(connection?.isOpen).toBe(false)
    expect(session.connected).toBe(false)
    await expect(session.withChannel(async () => {})).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
  })
})

it('has after any run of faults one connection with one set-up channel for each that is kept', async () => {
  const fault = fc.constantFrom('lose connection', 'lose a', 'lose b', 'fail setup', 'refuse connection')
  await fc.assert(
    fc.asyncProperty(fc.array(fault, { maxLength: 12 }), async (faults) => {
      const { broker, session } = aSession()
      const failures: Error[] = []
      const open: Record<string, FakeChannel[]> = { a: [], b: [] }
      const keep = (name: 'a' | 'b') =>
        session.keep(name, async (channel) => {
          const failure = failures.shift()
          if (failure) throw failure
          open[name]?.push(channel as FakeChannel)
        })
      const kept = [keep('a'), keep('b')]
      await session.start()
      for (const fault of faults) {
        if (fault === 'lose connection') broker.current?.lose(lost())
        else if (fault === 'fail setup') failures.push(closed())
        else if (fault === 'refuse connection') broker.refusals.push(unreachable())
        else open[fault === 'lose a' ? 'a' : 'b']?.at(-1)?.lose(closed())
        await new Promise((resolve) => setImmediate(resolve))
      }
      await Promise.all(kept.map((each) => each.ready))
      while (!kept.every((each) => each.up)) await new Promise((resolve) => setImmediate(resolve))
      expect(broker.connections.filter((connection) => connection.isOpen)).toHaveLength(1)
      expect(broker.current?.channels.filter((channel) => channel.isOpen)).toHaveLength(2)
      expect(kept.map((each) => each.channel)).toEqual([open.a?.at(-1), open.b?.at(-1)])
      await session.stop({ deadline: soon() })
      expect(broker.current).toBeUndefined()
    }),
    { numRuns: 60 },
  )
})

describe('a defect of its own', () => {
  /** A broker of which the second connection can't be served. */
  class Treacherous extends FakeBroker {
    override async connect() {
      const connection = await super.connect()
      if (this.connections.length === 2) {
        connection.onBlocked = () => {
          throw new RangeError('not thought of')
        }
      }
      return connection
    }
  }

  it('is told, and leaves no connection behind', async () => {
    const { broker, session } = aSession(new Treacherous())
    await session.start()
    const failed = next(session, 'failed')
    broker.current?.lose(lost())
    const { error } = await failed
    expect(error).toMatchObject({ code: 'TWQ_INTERNAL', cause: new RangeError('not thought of') })
    expect(error.message).toBe("session test can't go on: not thought of")
    expect({ connected: session.connected, left: broker.current }).toEqual({ connected: false, left: undefined })
    await expect(session.withChannel(async () => {})).rejects.toThrow('not thought of')
    await session.stop({ deadline: soon() })
  })

  it('is told once, however soon it comes', async () => {
    const broker = new Treacherous()
    await broker.connect()
    const { session, kinds } = aSession(broker)
    const failed = next(session, 'failed')
    await session.start()
    await failed
    expect(kinds()).toEqual(['connected', 'failed'])
    await session.stop({ deadline: soon() })
    expect(kinds()).toEqual(['connected', 'failed'])
  })
})
