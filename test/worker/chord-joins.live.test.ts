import { afterAll, beforeAll, expect, it } from 'vitest'
import { chord } from '../../src/canvas/chord.ts'
import { signature } from '../../src/canvas/signature.ts'
import { createClient } from '../../src/client/create-client.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker } from '../support/a-worker.ts'
import { type RabbitNode, startRabbit } from '../support/provision/rabbit.ts'
import { uniqueName } from '../support/services.ts'

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
