import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import { chord } from '../../../src/canvas/chord.ts'
import { signature } from '../../../src/canvas/signature.ts'
import { createClient } from '../../../src/client/create-client.ts'
import { JOIN_QUEUE } from '../../../src/protocol/chord/queued-chord.ts'
import { plainQueue } from '../../../src/protocol/queue/task-queue.ts'
import { declareWithCompanions } from '../../../src/queues/queue-access.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { type RabbitNode, startRabbit } from '../../support/provision/rabbit.ts'
import { uniqueName } from '../../support/services.ts'

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })
const total = defineTask({
  name: 'total',
  positional: ['numbers'],
  run: ({ numbers }: { numbers: readonly number[] }) => numbers.reduce((sum, number) => sum + number, 0),
})

let node: RabbitNode

beforeAll(async () => {
  node = await startRabbit()
})
afterAll(() => node[Symbol.asyncDispose]())

/** The URL of a new virtual host. */
async function vhost(name: string): Promise<string> {
  await node.addVhosts([name])
  return node.url(name)
}

it('a chord goes on after a restart of the broker, with the results it had', async () => {
  const broker = node.url()
  const late = uniqueName('late')
  await using scene = await aWorker([add, total], { broker })
  const client = createClient({ broker, queue: scene.queue })
  try {
    // Either worker may join it after the restart, and sends the body to its own first queue unless that says where to.
    const body = signature(total).set({ queue: scene.queue })
    const canvas = chord([signature(add, [1, 1]), signature(add, [2, 2], { queue: late })], body)
    const handle = await client.send(canvas)
    await scene.log.until((record) => record.event === 'task.succeeded' && record.task === 'add')
    await node.saveDeclarations()
    await node.stop()
    await node.startAgain()
    await using _others = await aWorker([add], { broker, queues: [late] })
    expect(await handle.result({ timeout: '120s' })).toBe(6)
  } finally {
    await client.close()
  }
})

describe('where the tasks wait in quorum queues', () => {
  it('a chord does too, from its message to the results of its header', async () => {
    const broker = await vhost('quorum')
    const queues = [{ name: uniqueName('tasks'), type: 'quorum' as const }]
    await using scene = await aWorker([add, total], { broker, queues })
    await using client = createClient({ broker, queue: scene.queue, queues })
    const late = uniqueName('late')
    const handle = await client.send(
      chord([signature(add, [1, 1]), signature(add, [2, 2], { queue: late })], signature(total)),
    )
    await scene.logged('chord.held')
    const listed = await node.ctl('list_queues', '-p', 'quorum', '--no-table-headers', 'name', 'type')
    const ofChords = listed.split('\n').filter((line) => line.startsWith('twq.chord'))
    expect(ofChords).toHaveLength(3)
    for (const line of ofChords) expect(line).toMatch(/\tquorum$/)
    await using _others = await aWorker([add], { broker, queues: [late] })
    expect(await handle.result({ timeout: '120s' })).toBe(6)
  })

  it('a queue of chords that is none is used as it is, and the log says what to do', async () => {
    const broker = await vhost('classic')
    await using connection = await amqpBroker({ url: broker, heartbeat: 10_000, name: 'test' }).connect()
    await declareWithCompanions(connection, plainQueue(JOIN_QUEUE))
    const queues = [{ name: uniqueName('tasks'), type: 'quorum' as const }]
    await using scene = await aWorker([add, total], { broker, queues })
    expect(await scene.logged('chords.differ')).toMatchObject({
      difference: expect.stringContaining('x-queue-type is classic there, and quorum here'),
      hint: expect.stringContaining('rabbitmqctl delete_queue twq.chords'),
    })
    await using client = createClient({ broker, queue: scene.queue, queues })
    const canvas = chord([signature(add, [1, 1]), signature(add, [2, 2])], signature(total))
    expect(await (await client.send(canvas)).result({ timeout: '120s' })).toBe(6)
  })
})
