import { describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import type { UserConfig } from '../../../src/config/config.ts'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'
import { readQuarantineFacts, restoreQuarantined } from '../../../src/protocol/headers/quarantine.ts'
import { spliceTable } from '../../../src/protocol/headers/raw-headers.ts'
import { isOfThePast } from '../../../src/protocol/headers/suspect.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { Broadcast } from '../../../src/sending/broadcast.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../../support/a-worker.ts'
import { probe, probeUntil } from '../../support/probes.ts'
import { freePort } from '../../support/provision/free-ports.ts'
import { publishRaw, queueOnce, take, withChannel } from '../../support/raw-broker.ts'
import { sameTable } from '../../support/same-table.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { pollUntil } from '../../support/until.ts'

const good = defineTask({ name: 'good', run: () => 'done' })
const COUNT = 30

/** Marks that a stranger made up, and a time that no encoder of ours writes. */
function hostileHeaders(n: number): Buffer {
  const marks = {
    'x-twq-starts': n % 3 === 0 ? 2 ** 40 : -1,
    'x-twq-redelivered': true,
    'x-twq-grace-used': true,
    'x-twq-exchange': 'elsewhere',
    'x-twq-routing-key': 'y'.repeat(300),
    'x-twq-history': Array.from({ length: 20 }, () => 'z'.repeat(3_000)),
  }
  const time = Buffer.concat([Buffer.from([4]), Buffer.from('when'), Buffer.from('54ffffffffffffffff', 'hex')])
  return Buffer.concat([encodeTable({ n, ...(n % 2 === 0 && marks) }), time])
}

async function sendHostile(queue: string): Promise<void> {
  for (let n = 0; n < COUNT; n += 1) {
    await publishRaw(queue, { rawHeaders: hostileHeaders(n), body: Buffer.from(`{broken ${n}`) })
  }
}

/** A queue in place of another, which takes `limit` messages and no more. */
async function declareAnew(queue: string, limit: number): Promise<void> {
  const args = { 'x-max-length': limit, 'x-overflow': 'reject-publish' }
  await withChannel(async (channel) => {
    await channel.deleteQueue(queue)
    await channel.declareQueue({ name: queue, durable: true, arguments: args })
  })
}

async function answersGoodTasks({ client, queue }: Pick<WorkerScene, 'client' | 'queue'>): Promise<void> {
  const handles = await Promise.all([1, 2, 3].map(() => client.send(good, undefined, { queue })))
  expect(await Promise.all(handles.map((handle) => handle.result({ timeout: 60_000 })))).toEqual([
    'done',
    'done',
    'done',
  ])
}

/** The quarantine has what it takes, the worker the others, and no task waits for them. */
async function holdsAllButThree(scene: WorkerScene): Promise<void> {
  await answersGoodTasks(scene)
  await pollUntil(
    'held',
    () => scene.worker.report().held_aside,
    (held) => held === COUNT - 3,
  )
  await answersGoodTasks(scene)
}

/** Takes all that lies in quarantine, and tells which messages those were; each must be whole. */
async function takeQuarantined(queue: string, count: number): Promise<number[]> {
  const taken = await take(`${queue}.quarantine`, count)
  return taken.map((delivery) => {
    const restored = restoreQuarantined(delivery)?.message
    const n = Number(/\d+$/.exec(Buffer.from(restored?.body ?? []).toString())?.[0])
    // What says that it came back is no part of the original, whoever wrote it.
    const original = spliceTable(hostileHeaders(n), { drop: isOfThePast })
    expect(sameTable(restored?.rawHeaders ?? new Uint8Array(), original), `headers of message ${n}`).toBe(true)
    return n
  })
}

const all = Array.from({ length: COUNT }, (_, n) => n)
const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b)

describe.concurrent.each(['classic', 'quorum'] as const)(
  'messages of a %s queue that can be neither run nor set aside',
  (type) => {
    it('are set aside all the same where the quarantine was deleted', async () => {
      const port = await freePort()
      await using scene = await aWorker([good], {
        queues: [{ name: uniqueName('deleted'), type }],
        prefetch: 10,
        health: `127.0.0.1:${port}`,
      })
      const { queue } = scene
      await withChannel((channel) => channel.deleteQueue(`${queue}.quarantine`))
      await sendHostile(queue)
      await answersGoodTasks(scene)
      await queueOnce(`${queue}.quarantine`, ({ messages }) => messages === COUNT)
      expect(sorted(await takeQuarantined(queue, COUNT))).toEqual(all)
      expect((await probe(port, '/readyz')).status).toBe(200)
    })

    it('wait beside the tasks while it is full, through a restart too, and are set aside when there is room', async () => {
      const port = await freePort()
      const name = uniqueName('full')
      const config: UserConfig = { queues: [{ name, type }], prefetch: 10, health: `127.0.0.1:${port}` }
      {
        await using scene = await aWorker([good], config)
        await declareAnew(`${name}.quarantine`, 3)
        await sendHostile(name)
        await holdsAllButThree(scene)
        expect((await probe(port, '/readyz')).status).toBe(200)
        expect(scene.log.entries.filter(({ event }) => event === 'message.stuck')).toHaveLength(1)
      }
      await using scene = await aWorker([good], config)
      await holdsAllButThree(scene)
      // Taking makes room. Deleting the quarantine would not do: what is on its way to a queue that is deleted is confirmed.
      expect(sorted(await takeQuarantined(name, COUNT))).toEqual(all)
      await answersGoodTasks(scene)
      expect(scene.worker.report().held_aside).toBe(0)
      await probeUntil(port, '/readyz', 200)
    })

    it('are not run again, through a restart either, when their tasks have failed and they are to be kept', async () => {
      const name = uniqueName('failed')
      const config: UserConfig = { queues: [{ name, type }], prefetch: 10 }
      let runs = 0
      const bad = defineTask({
        name: 'bad',
        ackOnFailure: false,
        run() {
          runs += 1
          throw new RangeError('no luck')
        },
      })
      const heldOf = (scene: WorkerScene) =>
        pollUntil(
          'held',
          () => scene.worker.report().held_aside,
          (held) => held === COUNT - 3,
        )
      {
        await using scene = await aWorker([good, bad], config)
        await declareAnew(`${name}.failed`, 3)
        const handles = await Promise.all(all.map(() => scene.client.send(bad)))
        for (const handle of handles) await expect(handle.result({ timeout: 60_000 })).rejects.toThrow('no luck')
        await heldOf(scene)
        await answersGoodTasks(scene)
      }
      await using scene = await aWorker([good, bad], config)
      await heldOf(scene)
      const taken = await take(`${name}.failed`, COUNT)
      expect(new Set(taken.map(({ headers }) => readQuarantineFacts(headers).id)).size).toBe(COUNT)
      expect(new Set(taken.map(({ headers }) => readQuarantineFacts(headers).detail))).toEqual(new Set(['no luck']))
      await answersGoodTasks(scene)
      expect(runs).toBe(COUNT)
    })
  },
)

it('a worker whose only queue is paused is not ready, until it is consumed again', async () => {
  const port = await freePort()
  await using scene = await aWorker([good], { health: `127.0.0.1:${port}` })
  const broker = amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' })
  await using broadcast = await Broadcast.open(broker, systemClock)
  const tell = (command: string) =>
    broadcast.ask(command, { queue: scene.queue }, { destination: [scene.worker.node], timeout: 60_000 })
  await tell('cancel_consumer')
  expect((await probeUntil(port, '/readyz', 503)).failing).toEqual(['consumer'])
  expect((await probe(port, '/livez')).status).toBe(200)
  await tell('add_consumer')
  await probeUntil(port, '/readyz', 200)
})
