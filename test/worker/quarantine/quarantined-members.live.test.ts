import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chain } from '../../../src/canvas/chain.ts'
import { chord } from '../../../src/canvas/chord.ts'
import { signature } from '../../../src/canvas/signature.ts'
import { createClient } from '../../../src/client/create-client.ts'
import type { WireMessage } from '../../../src/protocol/wire.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { type RedisServer, startRedis } from '../../support/provision/redis.ts'
import { queueOnce, withChannel } from '../../support/raw-broker.ts'
import { runTwq } from '../../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { startTwqWorker } from '../../support/twq-worker.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis?.[Symbol.asyncDispose]())

type Change = (message: WireMessage) => Partial<WireMessage>
const asIs: Change = () => ({})
const withHeader =
  (name: string, value: string): Change =>
  ({ headers }) => ({ headers: { ...headers, [name]: value }, rawHeaders: undefined })

/** A chord of a task that ends well and one that can't be used, on a worker that has the first alone. */
async function aScene(bad: 'alone' | 'in a chain') {
  const go = deferred<void>()
  const called: string[] = []
  const good = defineTask({
    name: 'good',
    async run() {
      await go.promise
      return 'good'
    },
  })
  const note = defineTask({ name: 'note', positional: ['id'], run: ({ id }: { id: string }) => void called.push(id) })
  const worker = await aWorker([good, note], { resultBackend: redis.url })
  const { queue } = worker
  const client = createClient({ broker: brokerUrl(), resultBackend: redis.url, queue })
  // Of a queue that nobody consumes: from there it is taken, and put where the worker finds it.
  const elsewhere = uniqueName('elsewhere')
  const unusable = signature('unusable', [], { queue: elsewhere })
  const member = bad === 'alone' ? unusable : chain(unusable, signature('good'))
  const handle = await client.send(
    chord([signature('good'), member], signature('body').set({ linkError: [signature('note')] })),
  )
  return {
    worker,
    client,
    queue,
    handle,
    called,
    go,
    /** Hands the task that can't be used to the worker, which sets it aside. */
    async hand(change: Change): Promise<void> {
      await withChannel(async (channel) => {
        const message = await channel.get(elsewhere)
        if (message === undefined) throw new Error('there is no such message')
        await channel.publish({ exchange: '', routingKey: queue }, { ...message, ...change(message) })
        message.ack()
      })
      await worker.logged('message.quarantined')
    },
    async [Symbol.asyncDispose]() {
      go.resolve()
      await client.close()
      await worker[Symbol.asyncDispose]()
    },
  }
}

const failing = { cause: { type: 'ChordError' } }

describe('a chord fails, and calls its errbacks, when a task of its header is set aside', () => {
  it.each<[string, 'alone' | 'in a chain', Change]>([
    ['that nobody knows', 'alone', asIs],
    ['that nobody knows, in a chain', 'in a chain', asIs],
    ['with a time that is none', 'alone', withHeader('eta', 'soon')],
    ['with a time that is none, in a chain', 'in a chain', withHeader('expires', 'later')],
    [
      'with arguments that are none',
      'alone',
      ({ body }) => ({ body: Buffer.from(String(body).replace(/^\[\[/, '[5, [')) }),
    ],
  ])('%s', async (_title, bad, change) => {
    for (const last of ['good', 'bad']) {
      await using scene = await aScene(bad)
      if (last === 'good') {
        await scene.hand(change)
        scene.go.resolve()
      } else {
        scene.go.resolve()
        await scene.worker.logged('task.succeeded')
        await scene.hand(change)
      }
      await expect(scene.handle.result({ timeout: '30s' })).rejects.toMatchObject(failing)
      await queueOnce(scene.queue, ({ messages }) => messages === 0)
      await scene.worker.log.untilCount(2, ({ event }) => event === 'task.succeeded')
      expect(scene.called).toEqual([scene.handle.id])
    }
  })

  it('whose body can not be read, when the others end after it', async () => {
    await using scene = await aScene('alone')
    await scene.hand(() => ({ body: Buffer.from('{') }))
    scene.go.resolve()
    await expect(scene.handle.result({ timeout: '30s' })).rejects.toMatchObject(failing)
  })

  it('that kills its workers', async () => {
    const queue = uniqueName('killers')
    const tasks = `
      import { defineTask } from 'twq'
      export const good = defineTask({ name: 'good', run: () => 'good' })
      export const bad = defineTask({ name: 'bad', run: () => process.exit(3) })
    `
    const config = { queues: [queue], resultBackend: redis.url, pool: 'processes', concurrency: 1, maxStarts: 2 }
    await using worker = await startTwqWorker({ broker: brokerUrl(), tasks, config })
    await using client = createClient({ broker: brokerUrl(), resultBackend: redis.url, queue })
    const handle = await client.send(chord([signature('good'), signature('bad')], signature('body')))
    await worker.until('message.quarantined', { reason: 'WorkerLostError' })
    await expect(handle.result({ timeout: '60s' })).rejects.toMatchObject(failing)
  })
})

it('a task of a chord that is replayed runs, and it is said that its chord is over', async () => {
  await using scene = await aScene('alone')
  await scene.hand(asIs)
  scene.go.resolve()
  await expect(scene.handle.result({ timeout: '30s' })).rejects.toMatchObject(failing)
  await scene.worker.worker.stop('warm')
  const replayed = await runTwq(['quarantine', 'replay', '--queue', scene.queue], { env: { TWQ_BROKER: brokerUrl() } })
  expect(replayed).toMatchObject({ status: 0 })
  expect(replayed.stderr).toContain('1 replayed, 0 left')
  expect(replayed.stderr).toContain('1 of them run again, but their chords are over')
  await queueOnce(scene.queue, ({ messages }) => messages >= 1)
})
