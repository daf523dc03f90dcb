import { describe, expect, it } from 'vitest'
import type { Broker, Channel, Connection, Delivery } from '../../src/broker/broker.ts'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { type Client, createClientOf } from '../../src/client/create-client.ts'
import { encodeResult } from '../../src/protocol/result/result.ts'
import type { State } from '../../src/protocol/result-record.ts'
import { decodeTask } from '../../src/protocol/task/decode-task.ts'
import type { TaskMessage } from '../../src/protocol/task-message.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { type Deferred, deferred } from '../../src/runtime/time/deferred.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A broker whose confirms for task messages are late: they come when `confirm` is called. */
function slowToConfirm(real: Broker) {
  const late: (() => void)[] = []
  const withhold = (channel: Channel): Channel => {
    const post = channel.post.bind(channel)
    channel.post = (route, message, options, listener) =>
      post(route, message, options, {
        confirmed: (outcome) => void late.push(() => listener.confirmed(outcome)),
        refused: (error) => listener.refused(error),
      })
    return channel
  }
  const broker: Broker = {
    async connect(options) {
      const connection: Connection = await real.connect(options)
      const open = connection.openChannel.bind(connection)
      connection.openChannel = async () => withhold(await open())
      return connection
    },
  }
  const confirm = (): void => {
    for (const tell of late.splice(0)) tell()
  }
  return { broker, confirm }
}

/** A client of such a broker, and a worker by hand. */
async function aScene() {
  const memory = createMemoryBroker()
  const { broker, confirm } = slowToConfirm(memory)
  const client: Client = createClientOf(broker, systemClock, { queue: 'tasks' })
  const connection = await memory.connect()
  const channel = await connection.openChannel()
  await channel.declareQueue({ name: 'tasks', durable: true })
  const taken: TaskMessage[] = []
  let next: Deferred<TaskMessage> = deferred()
  const take = (delivery: Delivery): void => {
    const decoded = decodeTask(delivery, { maxBodySize: 1_000_000 })
    if (decoded.kind !== 'task') throw new Error(decoded.malformed.reason)
    delivery.ack()
    taken.push(decoded.message)
    next.resolve(decoded.message)
    next = deferred()
  }
  await channel.consume('tasks', take)
  const answer = async (
    { id: taskId, replyTo }: TaskMessage,
    state: Exclude<State, 'RETRY' | 'FAILURE' | 'REVOKED'>,
  ) => {
    const body = encodeResult({ taskId, state, result: 3, traceback: null, children: [] })
    await channel.publish({ exchange: '', routingKey: replyTo }, { properties: {}, headers: {}, body })
  }
  return {
    client,
    confirm,
    answer,
    taken,
    /** The next message that comes. */
    message: () => next.promise,
    /** Cuts the client's connection, and the worker's consumer with it; resolves once the worker is there again. */
    async reconnect() {
      memory.cutConnections()
      const again = await (await memory.connect()).openChannel()
      await again.consume('tasks', take)
      return again
    },
    async end() {
      confirm()
      await client.close()
    },
  }
}

describe('a send', () => {
  it('is over with the final result of its task, where that comes before the confirm', async () => {
    const { client, message, answer, end } = await aScene()
    const arriving = message()
    const sent = client.send('add', [1, 2])
    await answer(await arriving, 'SUCCESS')
    const handle = await sent
    expect(await handle.result()).toBe(3)
    await end()
  })

  it('is not repeated on the next connection once its task has ended', async () => {
    const { client, message, answer, taken, reconnect, end } = await aScene()
    const arriving = message()
    const sent = client.send('add', [1, 2])
    await answer(await arriving, 'SUCCESS')
    const { id } = await sent
    await reconnect()
    const following = message()
    const later = client.send('add', [3, 4])
    later.catch(() => {})
    const second = await following
    expect(taken.map((each) => each.id)).toEqual([id, second.id])
    expect(second.args).toEqual([3, 4])
    await end()
  })

  it('waits for the confirm when its task has only started', async () => {
    const { client, message, answer, confirm, end } = await aScene()
    const arriving = message()
    let over = false
    const sent = client.send('add', [1, 2]).then(() => {
      over = true
    })
    const task = await arriving
    await answer(task, 'STARTED')
    for await (const { state } of client.result(task.id).states()) {
      expect(state).toBe('STARTED')
      break
    }
    await turn()
    expect(over).toBe(false)
    confirm()
    await sent
    await end()
  })

  it('waits for the confirm where the result may be of an earlier message with its id', async () => {
    const { client, message, answer, confirm, end } = await aScene()
    const arriving = message()
    let over = false
    const sent = client.send('add', [1, 2], { taskId: 'mine' }).then(() => {
      over = true
    })
    await answer(await arriving, 'SUCCESS')
    expect(await client.result('mine').result()).toBe(3)
    await turn()
    expect(over).toBe(false)
    confirm()
    await sent
    await end()
  })
})
