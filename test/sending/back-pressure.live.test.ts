import { afterEach, describe, expect, it } from 'vitest'
import { group } from '../../src/canvas/group.ts'
import { signature } from '../../src/canvas/signature.ts'
import { type Client, createClient } from '../../src/client/create-client.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { Send } from '../../src/tasks/sending.ts'
import { aWorker } from '../support/a-worker.ts'
import { queueOnce, withChannel } from '../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'

const MB = 1_000_000
const text = (bytes: number): string => 'x'.repeat(bytes)

const queues: string[] = []
const aQueue = (): string => {
  const queue = uniqueName('pressed')
  queues.push(queue)
  return queue
}
const aClient = (queue: string): Client =>
  createClient({ broker: brokerUrl(), queue, resultBackend: 'none', publishTimeout: '2m' })

afterEach(async () => {
  for (const queue of queues.splice(0)) await withChannel((channel) => channel.deleteQueue(queue))
})

const bursts: readonly [title: string, count: number, burst: (send: Send) => Promise<unknown>][] = [
  ['20,000 small ones', 20_000, (send) => Promise.all(Array.from({ length: 20_000 }, (_, i) => send('add', [i, 1])))],
  ['30 of 1 MB', 30, (send) => Promise.all(Array.from({ length: 30 }, () => send('len', [text(MB)])))],
  ['a group of 30 of 1 MB', 30, (send) => send(group(Array.from({ length: 30 }, () => signature('len', [text(MB)]))))],
  ['two of 9 MB', 2, (send) => Promise.all([send('len', [text(9 * MB)]), send('len', [text(9 * MB)])])],
]

describe('sends at once wait for room, and all are sent:', () => {
  it.each(bursts)('%s', async (_, count, burst) => {
    const queue = aQueue()
    await using client = aClient(queue)
    await burst(client.send)
    expect((await queueOnce(queue, ({ messages }) => messages >= count)).messages).toBe(count)
  })

  it('small ones beside one that is larger than all that may be on the way', async () => {
    const queue = aQueue()
    await using client = aClient(queue)
    const small = (i: number) => client.send('add', [i, 1])
    const before = Array.from({ length: 50 }, (_, i) => small(i))
    // RabbitMQ 4 takes no message of more than 16 MiB.
    const large = client.send('len', [text(17 * MB)]).catch((error: unknown) => error)
    const after = Array.from({ length: 50 }, (_, i) => small(i))
    await Promise.all([...before, ...after])
    const outcome = await large
    const refused = outcome instanceof Error ? expect.objectContaining({ code: 'TWQ_PUBLISH_REFUSED' }) : outcome
    expect(outcome).toEqual(refused)
    const sent = outcome instanceof Error ? 100 : 101
    expect((await queueOnce(queue, ({ messages }) => messages >= sent)).messages).toBe(sent)
  })

  it('from inside a task', async () => {
    const queue = aQueue()
    const burst = defineTask({
      name: 'burst',
      async run(_args: object, ctx) {
        const large = Array.from({ length: 20 }, () => ctx.send('len', [text(MB)], { queue }))
        const small = Array.from({ length: 10_500 }, (_, i) => ctx.send('add', [i, 1], { queue }))
        return (await Promise.all([...large, ...small])).length
      },
    })
    await using scene = await aWorker([burst], { publishTimeout: '2m' })
    expect(await (await scene.client.send(burst)).result({ timeout: '2m' })).toBe(10_520)
    expect((await queueOnce(queue, ({ messages }) => messages >= 10_520)).messages).toBe(10_520)
  })
})

describe('a group of which one message can not be sent', () => {
  it('is not begun: of the others none is sent', async () => {
    const queue = aQueue()
    await using client = aClient(queue)
    await client.send('add', [0, 0])
    const members = [
      signature('add', [1, 1]),
      signature('add', [2, 2]).set({ headers: { token: text(200_000) } }),
      signature('add', [3, 3]),
    ]
    await expect(client.send(group(members))).rejects.toMatchObject({ code: 'TWQ_UNSERIALISABLE' })
    await client.send('add', [4, 4])
    expect((await queueOnce(queue, ({ messages }) => messages >= 2)).messages).toBe(2)
  })
})
