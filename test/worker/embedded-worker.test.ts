import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, createClient } from '../../src/client/create-client.ts'
import { type DevBroker, startDevBroker } from '../../src/devbroker/server.ts'
import { TwqError } from '../../src/errors.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { createEmbeddedWorker, type WorkerOptions } from '../../src/worker/embedded-worker.ts'
import { Leftovers } from '../support/leftovers.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { Journal, pollUntil } from '../support/until.ts'

const ROUNDS = 100
// Two workers each, in one event loop: more would wait for each other on a busy machine, until a send takes too long.
const AT_ONCE = 5

const add = defineTask({
  name: 'add',
  positional: ['x', 'y'],
  run: ({ x, y }: { x: number; y: number }, ctx) => {
    ctx.log.child({ sum: x + y }).info('added')
    return x + y
  },
})

let broker: DevBroker

beforeAll(async () => {
  broker = await startDevBroker()
})

afterAll(async () => {
  await broker.stop()
})

describe('a worker in a process of its own choosing', () => {
  it('is started and stopped a hundred times, twice and beside a web server, and leaves nothing behind', async () => {
    await aRound('warm-up')
    const before = Leftovers.now()
    for (let round = 0; round < ROUNDS; round += AT_ONCE) {
      const rounds = Array.from({ length: AT_ONCE }, (_, at) => aRound(`round-${round + at}`))
      // One that fails leaves no others to the tests that follow.
      for (const ended of await Promise.allSettled(rounds)) if (ended.status === 'rejected') throw ended.reason
    }
    await before.untilNothingMore()
    await noConnection()
  }, 300_000)

  it('runs tasks, and writes their lines to the pino it was given, with their bindings', async () => {
    const lines = new Journal<Record<string, unknown>>()
    const logger = pino({ base: { app: 'shop' } }, { write: (line: string) => lines.push(JSON.parse(line)) })
    const { worker, client } = await aWorker({ tasks: [add], logger })
    const handle = await client.send(add, { x: 2, y: 3 })
    expect(await handle.result()).toBe(5)
    expect(await lines.until(({ msg }) => msg === 'added')).toMatchObject({
      ...{ level: 30, app: 'shop', sum: 5 },
      ...{ task: 'add', task_id: handle.id, attempt: 1 },
    })
    expect(lines.entries.map(({ event }) => event)).toContain('worker.ready')
    await client.close()
    await worker.stop()
  })

  it('says how it is, from before its start to after its end', async () => {
    const worker = createEmbeddedWorker(options({ tasks: [add] }))
    expect(worker.health()).toMatchObject({ state: 'new', live: true, ready: false })
    await worker.start()
    await worker.ready
    expect(worker.health()).toEqual({
      ...{ state: 'running', live: true, ready: true, failing: [] },
      ...{ active: 0, reserved: 0, held: 0, processed: 0 },
    })
    expect(await worker.stop()).toBe('clean')
    expect(await worker.stopped).toBe('clean')
    expect(worker.health()).toMatchObject({
      ...{ state: 'stopped', live: false, ready: false },
      failing: [{ check: 'shutdown', why: 'the worker has stopped' }],
    })
  })

  it('finishes what runs on a warm stop, and aborts it once the signal of the stop aborts', async () => {
    const running = deferred<void>()
    const aborted = deferred<unknown>()
    const wait = defineTask({
      name: 'wait',
      run: async (_args, { signal }) => {
        running.resolve()
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            aborted.resolve(signal.reason)
            reject(signal.reason)
          })
        })
      },
    })
    const { worker, client } = await aWorker({ tasks: [wait] })
    await client.send(wait)
    await running.promise
    const enough = new AbortController()
    const stopped = worker.stop('warm', { signal: enough.signal })
    expect(worker.health().state).toBe('stopping')
    enough.abort()
    expect(TwqError.is(await aborted.promise, 'TWQ_SHUTTING_DOWN')).toBe(true)
    expect(await stopped).toBe('forced')
    await client.close()
  })

  it('stops cold where the signal has aborted beforehand, and a second warm stop hastens nothing', async () => {
    const running = deferred<void>()
    const finish = deferred<void>()
    const slow = defineTask({
      name: 'slow',
      run: async () => {
        running.resolve()
        await finish.promise
        return 'whole'
      },
    })
    const { worker, client } = await aWorker({ tasks: [slow] })
    const handle = await client.send(slow)
    await running.promise
    const stops = [worker.stop(), worker.stop('warm')]
    finish.resolve()
    expect(await Promise.all(stops)).toEqual(['clean', 'clean'])
    expect(await handle.result()).toBe('whole')
    await client.close()

    const other = await aWorker({ tasks: [add] })
    expect(await other.worker.stop('warm', { signal: AbortSignal.abort() })).toBe('clean')
    await other.client.close()
  })

  it('can be stopped while it starts, and is over then', async () => {
    const before = Leftovers.now()
    // Nothing listens there: it tries for as long as it may.
    const worker = createEmbeddedWorker({ ...options({ tasks: [add] }), env: { TWQ_BROKER: 'amqp://127.0.0.1:1//' } })
    const started = worker.start()
    const refused = expect(started).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
    expect(await worker.stop()).toBe('clean')
    await refused
    await expect(worker.ready).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
    await before.untilNothingMore()
  })

  it('can be stopped before it starts, and does not start any more', async () => {
    const worker = createEmbeddedWorker(options({ tasks: [add] }))
    expect(await worker.stop()).toBe('clean')
    await expect(worker.start()).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
    expect(worker.health().state).toBe('stopped')
  })

  it('rejects its start with the reason, and leaves nothing behind', async () => {
    const before = Leftovers.now()
    const url = broker.url.replace('guest:guest', 'guest:wrong')
    const worker = createEmbeddedWorker(options({ tasks: [add], config: { broker: url } }))
    await expect(worker.start()).rejects.toMatchObject({ code: 'TWQ_BROKER_AUTH' })
    await expect(worker.ready).rejects.toMatchObject({ code: 'TWQ_BROKER_AUTH' })
    expect(await worker.stopped).toBe('clean')
    await before.untilNothingMore()
  })

  it('rejects its start where the address for probes is taken, with both connections closed', async () => {
    const before = Leftovers.now()
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const health = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const worker = createEmbeddedWorker(options({ tasks: [add], config: { health } }))
    await expect(worker.start()).rejects.toMatchObject({ code: 'TWQ_HEALTH_ADDRESS' })
    await new Promise((resolve) => server.close(resolve))
    await before.untilNothingMore()
    await noConnection()
  })
})

describe('the options of a worker in a process of its own choosing', () => {
  it('are checked at once, all of them', () => {
    const config = { concurrency: -1, lanes: 2 } as object
    expect(() => createEmbeddedWorker({ config })).toThrow(
      expect.objectContaining({ code: 'TWQ_CONFIG', message: expect.stringContaining('2 problems') }),
    )
    expect(() => createEmbeddedWorker({ config: {}, configFile: 'worker.config.ts' })).toThrow(
      expect.objectContaining({ code: 'TWQ_CONFIG', message: expect.stringContaining('got both') }),
    )
  })

  it('do not come from the environment, unless it is given', async () => {
    process.env.TWQ_CONCURRENCY = 'many'
    try {
      expect(() => createEmbeddedWorker({ tasks: [add] })).not.toThrow()
      expect(() => createEmbeddedWorker({ tasks: [add], env: process.env })).toThrow(/from TWQ_CONCURRENCY/)
    } finally {
      delete process.env.TWQ_CONCURRENCY
    }
  })

  it.each(['threads', 'processes'] as const)('have no task as an object for pool %s', async (pool) => {
    const given = createEmbeddedWorker(options({ tasks: [add], config: { pool } }))
    await expect(given.start()).rejects.toMatchObject({
      code: 'TWQ_CONFIG',
      message: `the task add is given as an object, which pool '${pool}' can't load`,
      hint: expect.stringContaining('configFile'),
    })
    const configured = createEmbeddedWorker(options({ config: { pool, tasks: [add] } }))
    await expect(configured.start()).rejects.toMatchObject({ code: 'TWQ_CONFIG' })
  })

  it('name a task at least', async () => {
    await expect(createEmbeddedWorker(options({})).start()).rejects.toMatchObject({ code: 'TWQ_TASKS' })
  })

  it('name a configuration file that is there', async () => {
    const worker = createEmbeddedWorker({ configFile: join(tempFolder(), 'worker.config.ts') })
    await expect(worker.start()).rejects.toMatchObject({ code: 'TWQ_CONFIG_FILE' })
    expect(worker.health().state).toBe('stopped')
  })
})

let named = 0

/** The broker hears of the end of a connection a moment later. */
async function noConnection(): Promise<void> {
  await pollUntil(
    'connections',
    () => broker.connections,
    (count) => count === 0,
  )
}

function options({ config, ...others }: WorkerOptions): WorkerOptions {
  const own = { nodeName: `w${++named}@test`, queues: [`q${named}`], workerEvents: false }
  return { logger: silentLogger, ...others, config: { broker: broker.url, ...own, ...config } }
}

async function aWorker(given: WorkerOptions) {
  const made = options(given)
  const worker = createEmbeddedWorker(made)
  await worker.start()
  return { worker, client: createClient({ broker: broker.url, queue: `q${named}` }) }
}

/** Two workers and a web server in this process; each does something. */
async function aRound(name: string): Promise<void> {
  const queues = [`${name}-a`, `${name}-b`]
  const workers = queues.map((queue) => createEmbeddedWorker(options({ tasks: [add], config: { queues: [queue] } })))
  const client: Client = createClient({ broker: broker.url })
  const server = createServer((_request, response) => {
    Promise.all(queues.map(async (queue) => await (await client.send(add, { x: 1, y: 1 }, { queue })).result())).then(
      (sums) => response.end(String(sums)),
      (error) => response.writeHead(500).end(String(error)),
    )
  })
  try {
    await Promise.all([...workers.map((worker) => worker.start()), new Promise<void>((done) => server.listen(0, done))])
    const { port } = server.address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })
    expect(await answer.text()).toBe('2,2')
  } finally {
    await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()))
    await client.close()
    await new Promise((resolve) => server.close(resolve))
  }
}
