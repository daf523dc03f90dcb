import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chain } from '../../../src/canvas/chain.ts'
import { signature } from '../../../src/canvas/signature.ts'
import { createClient } from '../../../src/client/create-client.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { type RabbitNode, startRabbit } from '../../support/provision/rabbit.ts'
import { uniqueName } from '../../support/services.ts'

// What RabbitMQ says of a message larger than its max_message_size closes the channel, with all that is under way on it.

const LIMIT = 1_000_000
let node: RabbitNode
beforeAll(async () => {
  node = await startRabbit({ config: { max_message_size: LIMIT } })
})
afterAll(() => node?.[Symbol.asyncDispose]())

/** A worker with a task that returns a text of so many bytes, and the sizes for which it ran. */
async function aScene() {
  const runs: number[] = []
  const text = defineTask({
    name: 'text',
    positional: ['size'],
    run({ size }: { size: number }) {
      runs.push(size)
      return 'x'.repeat(size)
    },
  })
  const queue = uniqueName('sizes')
  const worker = await aWorker([text], { broker: node.url(), queues: [queue] })
  const client = createClient({ broker: node.url(), queue })
  return {
    runs,
    text,
    worker,
    client,
    async [Symbol.asyncDispose]() {
      await client.close()
      await worker[Symbol.asyncDispose]()
    },
  }
}

const waiting = { timeout: '30s' } as const

describe('a result that is larger than the broker takes', () => {
  // The second has room for the result, and not for what is around it.
  it.each([2 * LIMIT, LIMIT - 50])('fails its task once, and harms no other: %i bytes', async (size) => {
    await using scene = await aScene()
    const { client, text, runs, worker } = scene
    const sizes = [1, size, 2, size, 3]
    const handles = []
    for (const one of sizes) handles.push(await client.send(text, { size: one }))
    const ends = await Promise.allSettled(handles.map((handle) => handle.result(waiting)))
    const refused = {
      status: 'rejected',
      reason: {
        cause: {
          type: 'EncodeError',
          message: expect.stringMatching(/larger than the 1000000 bytes that the broker takes/),
        },
      },
    }
    expect(ends).toMatchObject([{ value: 'x' }, refused, { value: 'xx' }, refused, { value: 'xxx' }])
    expect(runs.toSorted()).toEqual(sizes.toSorted())
    // The second time it is known beforehand.
    await expect((await client.send(text, { size })).result(waiting)).rejects.toMatchObject({
      cause: { type: 'EncodeError' },
    })
    expect(worker.log.entries.filter(({ event }) => event === 'channel.lost').length).toBeLessThanOrEqual(2)
    expect(worker.log.entries.filter(({ event }) => event === 'task.unsettled')).toEqual([])
  })

  it('fails its chain where the next step would get it', async () => {
    await using scene = await aScene()
    const { client, runs } = scene
    const handle = await client.send(chain(signature('text', [2 * LIMIT]), signature('text')))
    await expect(handle.result(waiting)).rejects.toMatchObject({ cause: { type: 'OperationalError' } })
    expect(runs).toEqual([2 * LIMIT])
  })
})

it('arguments that are larger than that are refused, with a hint, and others that are on their way are sent', async () => {
  await using scene = await aScene()
  const { client, text } = scene
  const [small, large, other] = await Promise.allSettled([
    client.send(text, { size: 1 }),
    client.send('text', ['x'.repeat(2 * LIMIT)]),
    client.send(text, { size: 2 }),
  ])
  expect(large).toMatchObject({
    status: 'rejected',
    reason: { code: 'TWQ_PUBLISH_REFUSED', hint: expect.stringContaining('max_message_size') },
  })
  expect([small.status, other.status]).toEqual(['fulfilled', 'fulfilled'])
})
