import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Client, createClient } from '../../src/client/create-client.ts'
import { type DevBroker, startDevBroker } from '../../src/devbroker/server.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { type SendManyError, sendMany } from '../../src/sending/send-many.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { createEmbeddedWorker } from '../../src/worker/embedded-worker.ts'
import { silentLogger } from '../support/silent-logger.ts'

const MANY = 100_000
const MIB = 1024 * 1024

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

describe('client.sendMany', () => {
  let broker: DevBroker
  let client: Client

  beforeEach(async () => {
    broker = await startDevBroker({ maxHeldBytes: 1024 * MIB })
    client = createClient({ broker: broker.url, queue: 'many' })
  })

  afterEach(async () => {
    await client.close()
    await broker.stop()
  })

  it('sends for each of an iterable, and gives the handles in order', async () => {
    const config = { broker: broker.url, queues: ['many'] }
    await using worker = createEmbeddedWorker({ config, tasks: [add], logger: silentLogger })
    await worker.start()
    const calls = [1, 2, 3].map((x) => ({ x, y: x }))
    const sums: number[] = []
    for await (const handle of client.sendMany(add, calls)) sums.push(await handle.result())
    expect(sums).toEqual([2, 4, 6])
  })

  it('takes an async iterable, no further ahead of the reader than a window', async () => {
    let taken = 0
    let read = 0
    let furthest = 0
    async function* rows() {
      for (; taken < 5_000; taken++) {
        furthest = Math.max(furthest, taken - read)
        yield [taken, 1]
      }
    }
    for await (const { id } of client.sendMany('add', rows(), { ignoreResult: true })) {
      expect(id).toMatch(/^[0-9a-f-]{36}$/)
      read += 1
    }
    expect(read).toBe(5_000)
    expect(furthest).toBeLessThanOrEqual(1_000)
  })

  it('ends at the first that fails, with how many were confirmed', async () => {
    const calls = [{ x: 1, y: 1 }, { x: 2, y: 2 }, { x: 3, y: 3n ** 3n, z: () => 1 } as never, { x: 4, y: 4 }]
    const ids: string[] = []
    const sending = (async () => {
      for await (const { id } of client.sendMany(add, calls)) ids.push(id)
    })()
    const error = (await sending.catch((thrown: unknown) => thrown)) as SendManyError
    expect(error).toMatchObject({
      confirmed: 2,
      confirmedBeyond: 1,
      message: expect.stringContaining('after 2 confirmed'),
    })
    expect(error.code).toMatch(/^TWQ_(UNSERIALISABLE|ARGUMENTS)$/)
    expect(ids.length).toBe(2)
  })

  it('ends where the arguments come from ends, with its error as the cause', async () => {
    const lost = new Error('the database is gone')
    function* rows() {
      yield [1, 2]
      throw lost
    }
    await expect(client.sendMany('add', rows()).confirmed()).rejects.toMatchObject({ cause: lost, confirmedBeyond: 1 })
  })

  it('takes no taskId', () => {
    expect(() => client.sendMany('add', [], { taskId: 'a' } as object)).toThrow(/no taskId/)
  })
})

describe('sending in a row', () => {
  it('holds no more of a hundred thousand calls than a window', async () => {
    let underWay = 0
    let most = 0
    const send = async (x: number) => {
      most = Math.max(most, ++underWay)
      await new Promise(setImmediate)
      underWay -= 1
      return x
    }
    let last = -1
    for await (const x of sendMany(send, Array(MANY).keys())) {
      expect(x).toBe(last + 1)
      last = x
    }
    expect(last).toBe(MANY - 1)
    expect(most).toBe(1_000)
  })

  it('has large calls wait for each other', async () => {
    let underWay = 0
    let most = 0
    const send = async () => {
      most = Math.max(most, ++underWay)
      await new Promise(setImmediate)
      underWay -= 1
    }
    const calls = Array.from({ length: 100 }, () => [Buffer.alloc(MIB)])
    expect(await sendMany(send, calls).confirmed()).toBe(100)
    expect(most).toBe(15)
  })

  it('lets what is under way arrive where the reader leaves', async () => {
    let sent = 0
    const send = async () => {
      await new Promise(setImmediate)
      sent += 1
    }
    for await (const _ of sendMany(send, Array(10))) break
    expect(sent).toBe(10)
  })

  it('gives a handle before a slow source has the next call', async () => {
    const handled = deferred<void>()
    async function* source() {
      yield 1
      await handled.promise
      yield 2
    }
    const given: number[] = []
    for await (const x of sendMany(async (x: number) => x, source())) {
      given.push(x)
      handled.resolve()
    }
    expect(given).toEqual([1, 2])
  })

  it('has a source clean up when the reader leaves, and waits for none that does not answer', async () => {
    const cleaned = deferred<void>()
    async function* endless() {
      try {
        for (;;) yield 1
      } finally {
        cleaned.resolve()
      }
    }
    for await (const _ of sendMany(async (x: number) => x, endless())) break
    await cleaned.promise

    async function* silent() {
      yield 1
      await new Promise(() => {})
    }
    for await (const _ of sendMany(async (x: number) => x, silent())) break
  })
})
