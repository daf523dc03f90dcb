import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/broker/broker.ts'
import { createMemoryBroker, type MemoryBroker } from '../../../src/broker/memory/broker.ts'
import type { UserConfig } from '../../../src/config/config.ts'
import { suspectsQueue } from '../../../src/protocol/companion-queues.ts'
import { markedCopy } from '../../../src/protocol/headers/suspect.ts'
import type { Outgoing } from '../../../src/protocol/wire.ts'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import { type Deferred, deferred } from '../../../src/runtime/time/deferred.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { prepareTask } from '../../../src/sending/prepare-task.ts'
import { createRouter } from '../../../src/sending/router.ts'
import { Reject } from '../../../src/tasks/attempt/control-flow.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import type { SendOptions } from '../../../src/tasks/sending.ts'
import { startTestWorker, until } from '../../../src/testing.ts'

const ROUTER = createRouter({ defaultQueue: 'celery' })
// As RabbitMQ 4 has it, unless told otherwise.
const QUORUM: UserConfig = { queues: [{ name: 'celery', type: 'quorum', deliveryLimit: 20 }] }

// More than workers die, since each lets one of them go at once.
const SENT = Array.from({ length: 40 }, (_, index) => `task-${String(index).padStart(2, '0')}`)

/** A task that notes its starts, and ends when it is told to. */
function aTask(settings: { readonly rateLimit?: string; readonly waits?: boolean } = {}) {
  const starts: string[] = []
  const ends: Deferred<void>[] = []
  const task = defineTask({
    name: 'note',
    ...(settings.rateLimit !== undefined && { rateLimit: settings.rateLimit }),
    async run(_args: object, ctx) {
      starts.push(ctx.id)
      if (settings.waits !== true) return
      const end = deferred<void>()
      ends.push(end)
      await end.promise
    },
  })
  return { task, starts, ends }
}

function aJournal() {
  const lines: { event: string; task_id?: string }[] = []
  const logger = createLogger({
    level: 'debug',
    format: 'json',
    destination: { write: (text: string) => lines.push(JSON.parse(text)) },
  })
  return { logger, count: (event: string) => lines.filter((line) => line.event === event).length }
}

/** The broker as one worker has it, which a test can take away as the death of its process does. */
function mortal(broker: MemoryBroker): { readonly broker: MemoryBroker; die(): void } {
  const own = new Set<Connection>()
  let dead = false
  return {
    broker: Object.assign(Object.create(broker) as MemoryBroker, {
      async connect(options: object) {
        if (dead) await new Promise(() => {})
        const connection = await broker.connect(options)
        own.add(connection)
        return connection
      },
    }),
    die() {
      dead = true
      for (const connection of own) connection.destroy(new Error('the process died'))
    },
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 60; turn += 1) await setImmediate()
}

async function publish(broker: MemoryBroker, { route, message }: Outgoing): Promise<void> {
  await using connection = await broker.connect()
  await using channel = await connection.openChannel()
  expect(await channel.publish(route, message, { mandatory: true })).toBe('confirmed')
}

function aMessage(id: string, options: SendOptions = {}): Outgoing {
  const facts = { id, now: Date.now(), origin: 'test', replyTo: undefined, router: ROUTER, parent: undefined }
  return prepareTask('note', [], options, facts).outgoing
}

describe('what waits in a worker of a quorum queue', () => {
  it.each([
    ['for its rate limit', { rateLimit: '6/h' }, {}, '10m'],
    ['for its eta, since the broker keeps none', {}, { countdown: '1h' }, '10m'],
    ['for a slot', { waits: true }, {}, '1s'],
  ])(
    '%s, outlives 30 lost connections, each of them counted, and nobody is suspected',
    async (_title, settings, how, time) => {
      const { task, starts, ends } = aTask(settings)
      const { logger, count } = aJournal()
      const config: UserConfig = { ...QUORUM, concurrency: 20, prefetchMultiplier: 4, delayedDelivery: 'never' }
      await using scene = await startTestWorker({ tasks: [task], config, logger })
      for (const id of SENT) await publish(scene.broker, aMessage(id, how))
      await turns()
      for (let cut = 0; cut < 30; cut += 1) {
        scene.broker.cutConnections()
        // Both sessions are back by then, and whatever is copied is here again.
        await scene.clock.pass('10s')
        expect(await scene.waiting()).toBe(0)
      }
      for (let turn = 0; turn < SENT.length; turn += 1) {
        for (const end of ends.splice(0)) end.resolve()
        await scene.clock.pass(time)
      }
      expect(starts.toSorted()).toEqual(SENT)
      expect(count('task.suspected')).toBe(0)
      expect(await scene.waiting()).toBe(0)
    },
  )

  it.each([
    ['for its rate limit', { rateLimit: '1/m' }, {}],
    ['for its eta, since the broker keeps none', {}, { countdown: '1h' }],
  ])('%s, outlives the death of 30 workers', async (_title, settings, how) => {
    const { task, starts } = aTask(settings)
    const clock = new ManualClock(Date.now())
    const broker = createMemoryBroker({ clock })
    const config: UserConfig = { ...QUORUM, concurrency: 2, delayedDelivery: 'never' }
    for (let death = 0; death < 30; death += 1) {
      const life = mortal(broker)
      // One clock each: the dead start nothing.
      await startTestWorker({
        tasks: [task],
        config,
        broker: life.broker,
        clock: new ManualClock(clock.now()),
      })
      if (death === 0) for (const id of SENT) await publish(broker, aMessage(id, how))
      await turns()
      life.die()
      await turns()
    }
    await using scene = await startTestWorker({ tasks: [task], config, broker, clock })
    await scene.clock.pass('2h')
    // Those under suspicion run one after the other, each on its own.
    for (let minute = 0; minute < 600 && new Set(starts).size < SENT.length; minute += 1) await scene.clock.pass('1m')
    expect([...new Set(starts)].toSorted()).toEqual(SENT)
    expect(await scene.waiting()).toBe(0)
  })
})

describe('a message whose attempt runs here', () => {
  it('waits for it when it comes again, and is acknowledged unrun, by whatever queue it comes', async () => {
    const { task, starts, ends } = aTask({ waits: true })
    const { logger, count } = aJournal()
    await using scene = await startTestWorker({ tasks: [task], config: { concurrency: 4 }, logger })
    await publish(scene.broker, aMessage('one'))
    await turns()
    const { message } = aMessage('one')
    const original = { ...message, route: { exchange: '', routingKey: 'celery' } }
    await publish(scene.broker, markedCopy(original, { queue: 'celery', starts: 1, redelivered: true }))
    await publish(scene.broker, markedCopy(original, { queue: suspectsQueue('celery'), starts: 2, redelivered: true }))
    await turns()
    expect(starts).toEqual(['one'])
    ends[0]?.resolve()
    await turns()
    expect(starts).toEqual(['one'])
    expect(count('task.finished-before')).toBe(2)
    expect(await scene.waiting()).toBe(0)
    expect(await scene.waiting(suspectsQueue('celery'))).toBe(0)
  })

  it('runs when it comes again and the attempt asked for that', async () => {
    let runs = 0
    const gate = deferred<void>()
    const task = defineTask({
      name: 'note',
      retry: { limit: 0 },
      async run() {
        runs += 1
        if (runs > 1) return 'at last'
        await gate.promise
        throw new Reject('not now', { requeue: true })
      },
    })
    await using scene = await startTestWorker({ tasks: [task] })
    const { id } = await scene.client.send(task, {})
    await turns()
    scene.broker.cutConnections()
    await scene.clock.pass('5s')
    expect(runs).toBe(1)
    gate.resolve()
    expect(await until(scene, 'settled', id)).toMatchObject({ kind: 'rejected' })
    expect(await until(scene, 'settled', id)).toMatchObject({ kind: 'succeeded' })
    expect(runs).toBe(2)
  })

  it('never starts beside itself when two deliveries of it wait for slots', async () => {
    const { task, starts, ends } = aTask({ waits: true })
    await using scene = await startTestWorker({ tasks: [task], config: { concurrency: 2, prefetchMultiplier: 4 } })
    const { message } = aMessage('one')
    const original = { ...message, route: { exchange: '', routingKey: 'celery' } }
    await publish(scene.broker, aMessage('busy-1'))
    await publish(scene.broker, aMessage('busy-2'))
    for (let copy = 0; copy < 2; copy += 1) {
      await publish(scene.broker, markedCopy(original, { queue: 'celery', starts: 0, redelivered: true }))
    }
    await turns()
    for (const end of ends.splice(0)) end.resolve()
    await turns()
    expect(starts).toEqual(['busy-1', 'busy-2', 'one'])
    for (const end of ends.splice(0)) end.resolve()
    await turns()
    expect(starts).toEqual(['busy-1', 'busy-2', 'one'])
    expect(await scene.waiting()).toBe(0)
  })

  it('runs beside it when a caller sent it twice with one id', async () => {
    const { task, starts, ends } = aTask({ waits: true })
    await using scene = await startTestWorker({ tasks: [task], config: { concurrency: 2 } })
    await publish(scene.broker, aMessage('one'))
    await publish(scene.broker, aMessage('one'))
    await turns()
    expect(starts).toEqual(['one', 'one'])
    for (const end of ends.splice(0)) end.resolve()
    await turns()
    await publish(scene.broker, aMessage('one'))
    await turns()
    expect(starts).toHaveLength(3)
    for (const end of ends.splice(0)) end.resolve()
    await turns()
    expect(await scene.waiting()).toBe(0)
  })
})

describe('the original of a copy', () => {
  it('is acknowledged unrun when the copy ends here, also where it waits for its rate limit meanwhile', async () => {
    const { task, starts } = aTask({ rateLimit: '1/m' })
    const { logger, count } = aJournal()
    await using scene = await startTestWorker({ tasks: [task], logger })
    const { message } = aMessage('one')
    const original = { ...message, route: { exchange: '', routingKey: 'celery' } }
    for (let copy = 0; copy < 2; copy += 1) {
      await publish(scene.broker, markedCopy(original, { queue: 'celery', starts: copy, redelivered: true }))
    }
    await scene.clock.pass('5m')
    expect(starts).toEqual(['one'])
    expect(count('task.finished-before')).toBe(1)
    expect(await scene.waiting()).toBe(0)
  })
})
