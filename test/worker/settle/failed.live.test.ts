import { describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import { readQuarantineFacts } from '../../../src/protocol/headers/quarantine.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { Broadcast } from '../../../src/sending/broadcast.ts'
import { Reject } from '../../../src/tasks/attempt/control-flow.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { startCeleryWorker } from '../../support/python.ts'
import { queueOnce, take, withChannel } from '../../support/raw-broker.ts'
import { runTwq } from '../../support/run-twq.ts'
import { brokerUrl, ctl, uniqueName, vhost } from '../../support/services.ts'

/** A task that fails as long as it has run less than `times` times. */
function failing(times = Number.POSITIVE_INFINITY) {
  const runs: string[] = []
  const task = defineTask({
    name: 'fails',
    named: '*',
    run(_args: Record<string, unknown>, ctx) {
      runs.push(ctx.id)
      if (runs.length <= times) throw new RangeError('no luck')
      return runs.length
    },
  })
  return { task, runs }
}

/** Takes the next message of a queue, and dies with it. */
async function takeAndDie(queue: string): Promise<void> {
  await withChannel(async (channel) => {
    expect(await channel.get(queue)).toBeDefined()
  })
}

describe('a failed task that is run again by hand', () => {
  it.each(['classic', 'quorum'] as const)(
    'runs on a %s queue where its message is redelivered to the worker that finished its first run',
    async (type) => {
      const { task, runs } = failing(1)
      const queue = uniqueName('remembered')
      await using scene = await aWorker([task], { queues: [{ name: queue, type }] }, { started: false })
      const { client, worker } = scene
      await client.send(task, {}, { queue })
      // What came back once is remembered when it has ended.
      await takeAndDie(queue)
      await worker.start()
      await scene.logged('task.failed')
      await queueOnce(`${queue}.failed`, ({ messages }) => messages === 1)

      const broker = amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' })
      await using broadcast = await Broadcast.open(broker, systemClock)
      const tell = (command: string) =>
        broadcast.ask(command, { queue }, { destination: [worker.node], timeout: 60_000 })
      // The answer comes before the broker has ended the consumer.
      await tell('cancel_consumer')
      await queueOnce(queue, ({ consumers }) => consumers === 0)
      expect(await client.failed.retry({ queue })).toMatchObject({ retried: 1, left: 0 })
      await takeAndDie(queue)
      await tell('add_consumer')
      await scene.logged('task.succeeded')
      expect(runs).toHaveLength(2)
    },
  )

  it('runs in a Python worker, too', async () => {
    const task = defineTask({
      name: 'add',
      positional: ['x', 'y'],
      run(_args: { x: number; y: number }) {
        throw new RangeError('no luck')
      },
    })
    const queue = uniqueName('python')
    let id: string
    {
      await using scene = await aWorker([task], { queues: [queue] })
      id = (await scene.client.send('add', [2, 3])).id
      await scene.logged('task.failed')
      await queueOnce(`${queue}.failed`, ({ messages }) => messages === 1)
      await scene.worker.stop('warm')
      expect(await scene.client.failed.retry()).toMatchObject({ retried: 1 })
    }
    await using python = await startCeleryWorker({ broker: brokerUrl(), queue }, { args: ['-Q', queue] })
    await python.until(new RegExp(`add\\[${id}\\] succeeded.*: 5`))
  })
})

it('a failed task with large headers and arguments is kept whole, shown, and runs again', async () => {
  const seen: string[] = []
  const task = defineTask({
    name: 'large',
    positional: ['text'],
    run({ text }: { text: string }) {
      seen.push(text)
      if (seen.length === 1) throw new RangeError(text)
    },
  })
  await using scene = await aWorker([task])
  const { client, queue } = scene
  const text = `\u001b[31m${'x'.repeat(100_000)}`
  await client.send(task, { text }, { headers: { large: 'h'.repeat(60_000) } })
  await scene.logged('task.failed')
  await queueOnce(`${queue}.failed`, ({ messages }) => messages === 1)
  const shown = await runTwq(['failed', 'list', '--queue', queue, '--broker', brokerUrl()])
  expect(shown).toMatchObject({ status: 0, stdout: expect.stringContaining('RangeError') })
  expect(shown.stdout).not.toContain('\u001b')
  expect(await client.failed.retry()).toMatchObject({ retried: 1, left: 0 })
  await scene.logged('task.succeeded')
  expect(seen).toEqual([text, text])
})

it('a worker that may not declare the queue of failures runs, stores results, and says so', async () => {
  const user = uniqueName('user')
  await ctl('add_user', user, 'secret')
  await ctl('set_permissions', '-p', vhost(), user, '^(?!.*\\.failed$).*$', '.*', '.*')
  const broker = Object.assign(new URL(brokerUrl()), { username: user, password: 'secret' }).href
  try {
    const { task } = failing()
    await using scene = await aWorker([task], { broker })
    expect(await scene.logged('failure.not-kept')).toMatchObject({ level: 'warn', queue: scene.queue })
    const handle = await scene.client.send(task, {})
    await expect(handle.result({ timeout: 60_000 })).rejects.toThrow('no luck')
    await queueOnce(scene.queue, ({ messages }) => messages === 0)
  } finally {
    await ctl('delete_user', user)
  }
})

describe('a message that its task rejects', () => {
  const rejecting = () => {
    let runs = 0
    return defineTask({
      name: 'rejects',
      run() {
        runs += 1
        if (runs === 1) throw new Reject('no such address')
      },
    })
  }

  it('is kept where its queue has no dead-letter exchange, and runs again', async () => {
    await using scene = await aWorker([rejecting()])
    const { client, queue } = scene
    await client.send('rejects')
    await scene.logged('task.rejected')
    await queueOnce(`${queue}.failed`, ({ messages }) => messages === 1)
    const flags = ['--queue', queue, '--broker', brokerUrl()]
    const { stdout } = await runTwq(['failed', 'list', '--error', 'Reject', ...flags])
    expect(stdout).toContain('no such address')
    expect(await client.failed.retry({ error: 'Reject' })).toMatchObject({ retried: 1, left: 0 })
    await scene.logged('task.succeeded')
  })

  it('goes to the dead-letter exchange of its queue alone, also where the configuration says nothing of it', async () => {
    const queue = uniqueName('dead-lettered')
    const dead = `${queue}.dead`
    await withChannel(async (channel) => {
      const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead }
      await channel.declareQueue({ name: queue, durable: true, arguments: args })
      await channel.declareQueue({ name: dead, durable: true })
    })
    await using scene = await aWorker([rejecting()], { queues: [queue] })
    await scene.client.send('rejects')
    await queueOnce(dead, ({ messages }) => messages === 1)
    await queueOnce(`${queue}.failed`, ({ messages }) => messages === 0)
  })
})

describe('a queue of failures', () => {
  it.each(['classic', 'quorum'] as const)(
    'that is full loses its oldest, on a %s queue, and the worker says so once',
    async (type) => {
      const { task } = failing()
      const queue = uniqueName('full')
      await using scene = await aWorker([task], {
        queues: [{ name: queue, type }],
        concurrency: 1,
        failures: { keep: 3 },
      })
      const handles = []
      for (let count = 0; count < 6; count += 1) handles.push(await scene.client.send(task, {}, { queue }))
      for (const handle of handles) await expect(handle.result({ timeout: 60_000 })).rejects.toThrow('no luck')
      expect(await scene.logged('failures.full')).toMatchObject({ queue: `${queue}.failed`, keep: 3 })
      await queueOnce(`${queue}.failed`, ({ messages }) => messages === 3)
      const left = (await take(`${queue}.failed`, 3)).map(({ headers }) => readQuarantineFacts(headers).id)
      expect(left).toEqual(handles.slice(3).map(({ id }) => id))
      expect(scene.log.entries.filter(({ event }) => event === 'failures.full')).toHaveLength(1)
    },
  )

  it.each(['classic', 'quorum'] as const)('that is full by bytes is told of, too, on a %s queue', async (type) => {
    const { task } = failing()
    const queue = uniqueName('bytes')
    await using scene = await aWorker([task], {
      queues: [{ name: queue, type }],
      concurrency: 1,
      failures: { keep: 1_000, bytes: 10_000 },
    })
    const isTold = () => scene.log.entries.some(({ event }) => event === 'failures.full')
    for (let count = 0; count < 100 && !isTold(); count += 1) {
      const handle = await scene.client.send(task, { text: 'x'.repeat(1_000) }, { queue })
      await expect(handle.result({ timeout: 60_000 })).rejects.toThrow('no luck')
    }
    expect(await scene.logged('failures.full')).toMatchObject({ queue: `${queue}.failed`, bytes: 10_000 })
  })

  it.each(['classic', 'quorum'] as const)(
    'that was created for fewer is told of when these are there, on a %s queue',
    async (type) => {
      const { task } = failing()
      const queue = uniqueName('fewer')
      const args = { 'x-queue-type': type, 'x-max-length': 2 }
      await withChannel((channel) =>
        channel.declareQueue({ name: `${queue}.failed`, durable: true, arguments: args }).then(() => {}),
      )
      await using scene = await aWorker([task], { queues: [{ name: queue, type }], failures: { keep: 1_000 } })
      for (let count = 0; count < 3; count += 1) {
        const handle = await scene.client.send(task, {}, { queue })
        await expect(handle.result({ timeout: 60_000 })).rejects.toThrow('no luck')
      }
      expect(await scene.logged('failures.full')).toMatchObject({ queue: `${queue}.failed`, keep: 2, messages: 2 })
    },
  )

  it('that exists with other lengths is used as it is, and its difference named with the policy', async () => {
    const { task } = failing()
    const queue = uniqueName('other')
    await withChannel((channel) => channel.declareQueue({ name: `${queue}.failed`, durable: true }))
    await using scene = await aWorker([task], { queues: [queue] })
    await scene.client.send(task, {})
    expect(await scene.logged('queue.companion')).toMatchObject({
      queue,
      difference: expect.stringContaining('x-max-length is none there, and 10000 here'),
      hint: expect.stringContaining(`rabbitmqctl set_policy twq-failed '^${queue}\\.failed$' '{"max-length": 10000`),
    })
    await queueOnce(`${queue}.failed`, ({ messages }) => messages === 1)
  })
})
