import { describe, expect, it } from 'vitest'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { publishRaw, queueOnce, take, withChannel } from '../../support/raw-broker.ts'
import { runTwq } from '../../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'

function twq(...args: string[]): ReturnType<typeof runTwq> {
  return runTwq([...args, '--broker', brokerUrl()])
}

/** A queue as `twq queue declare` makes it, with these bodies in it. */
async function aQueue(...bodies: readonly string[]): Promise<string> {
  const queue = uniqueName('queue')
  expect(await twq('queue', 'declare', queue)).toMatchObject({ status: 0 })
  for (const body of bodies) {
    await publishRaw(queue, { headers: { task: `task.${body}`, id: `id-${body}` }, body: Buffer.from(body) })
  }
  return queue
}

const texts = async (queue: string, count: number): Promise<readonly string[]> =>
  (await take(queue, count)).map(({ body }) => Buffer.from(body).toString())

describe('twq queue', () => {
  it('declares what a worker would, and lists it', async () => {
    const queue = await aQueue('a', 'b')
    const env = { TWQ_QUEUES: queue, TWQ_BROKER: brokerUrl() }
    const listed = await runTwq(['queue', 'list', '--json', '--queue', 'nowhere'], { env })
    expect(JSON.parse(listed.stdout)).toEqual([
      { name: queue, exists: true, messages_ready: 2, consumers: 0 },
      { name: `${queue}.quarantine`, exists: true, messages_ready: 0, consumers: 0 },
      { name: `${queue}.suspects`, exists: true, messages_ready: 0, consumers: 0 },
      { name: `${queue}.failed`, exists: true, messages_ready: 0, consumers: 0 },
      { name: 'nowhere', exists: false },
    ])
    const { worker } = await aWorker([], { queues: [queue] })
    await queueOnce(`${queue}.quarantine`, ({ messages }) => messages === 2)
    const shown = await runTwq(['queue', 'show', queue, '--json'], { env })
    expect(JSON.parse(shown.stdout)).toMatchObject({ name: queue, configured: true, consumers: 1, quarantined: 2 })
    await worker.stop('warm')
    expect(await twq('queue', 'show', 'nowhere')).toMatchObject({ status: 1 })
  })

  it('misses no queue of failures where none are kept', async () => {
    const queue = uniqueName('queue')
    const env = { TWQ_QUEUES: queue, TWQ_BROKER: brokerUrl(), TWQ_FAILURES: 'drop' }
    const { stdout } = await runTwq(['queue', 'list', '--json'], { env })
    expect(JSON.parse(stdout)).toEqual(
      [queue, `${queue}.quarantine`, `${queue}.suspects`].map((name) => ({ name, exists: false })),
    )
  })

  it('says where a queue differs from what would be declared', async () => {
    const queue = uniqueName('queue')
    await withChannel((channel) =>
      channel.declareQueue({ name: queue, durable: true, arguments: { 'x-max-priority': 5 } }),
    )
    const declared = await twq('queue', 'declare', queue)
    expect(declared).toMatchObject({ status: 1 })
    expect(declared.stderr).toContain('x-max-priority is 5 there')
  })

  it('peeks at messages, which stay', async () => {
    const queue = await aQueue('a', 'b', 'c')
    const peeked = await twq('queue', 'peek', queue, '--limit', '2', '--json')
    expect(JSON.parse(peeked.stdout)).toMatchObject([
      { body: 'a', redelivered: false, headers: { task: 'task.a' } },
      { body: 'b', redelivered: false },
    ])
    expect(peeked.stderr).toContain('redelivered from now on')
    const taken = await take(queue, 3)
    expect(taken.map(({ body, redelivered }) => [Buffer.from(body).toString(), redelivered])).toEqual([
      ['a', true],
      ['b', true],
      ['c', false],
    ])
  })

  it('does not look at suspects unless it has to', async () => {
    const queue = await aQueue()
    expect(await twq('queue', 'peek', `${queue}.suspects`)).toMatchObject({ status: 2 })
    expect(await twq('queue', 'peek', `${queue}.suspects`, '--force')).toMatchObject({ status: 0 })
  })

  it('has a message that was peeked at run once, and only once', async () => {
    const seen: string[] = []
    const task = defineTask({
      name: 'seen',
      run: (_args, ctx) => {
        seen.push(ctx.id)
      },
    })
    const scene = await aWorker([task], {}, { started: false })
    await using _ = scene
    const { id } = await scene.client.send(task, {})
    for (let times = 0; times < 5; times++) await twq('queue', 'peek', scene.queue)
    await scene.worker.start()
    await scene.logged('task.succeeded')
    await queueOnce(scene.queue, ({ messages }) => messages === 0)
    expect(seen).toEqual([id])
    expect(await withChannel((channel) => channel.inspectQueue(`${scene.queue}.quarantine`))).toMatchObject({
      messages: 0,
    })
  })

  it('moves messages in their order, those that are chosen', async () => {
    const [from, to] = [await aQueue('a', 'b', 'c'), await aQueue()]
    const tried = await twq('queue', 'move', from, to, '--task', 'task.[ac]', '--dry-run')
    expect(tried.stderr).toContain('2 would be moved: nothing was done')
    const moved = await twq('queue', 'move', from, to, '--task', 'task.[ac]')
    expect(moved).toMatchObject({ status: 0 })
    expect(moved.stderr).toContain('2 moved, 1 left')
    expect(await texts(to, 2)).toEqual(['a', 'c'])
    expect(await texts(from, 1)).toEqual(['b'])
  })

  it('moves nothing to a queue that does not exist', async () => {
    const from = await aQueue('a')
    expect(await twq('queue', 'move', from, 'nowhere')).toMatchObject({ status: 1 })
    expect(await texts(from, 1)).toEqual(['a'])
  })

  it('purges and deletes what somebody names or insists on', async () => {
    const queue = await aQueue('a', 'b')
    expect(await twq('queue', 'purge', queue)).toMatchObject({ status: 2 })
    expect(await twq('queue', 'delete', queue, '--yes')).toMatchObject({ status: 1 })
    expect((await twq('queue', 'purge', queue, '--yes')).stderr).toContain('2 messages purged')
    expect(await twq('queue', 'delete', queue, '--yes')).toMatchObject({ status: 0 })
    expect(await twq('queue', 'delete', queue, '--yes')).toMatchObject({ status: 1 })
  })

  it('deletes a quorum queue that is empty, which knows no conditions', async () => {
    const queue = uniqueName('quorum')
    await withChannel((channel) =>
      channel.declareQueue({ name: queue, durable: true, arguments: { 'x-queue-type': 'quorum' } }),
    )
    expect(await twq('queue', 'delete', queue, '--yes')).toMatchObject({ status: 0 })
  })
})
