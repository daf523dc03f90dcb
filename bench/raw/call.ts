import amqp from 'amqplib'
import { celeryMessage } from '../../test/support/celery-message.ts'
import { callOptions, timeCalls } from '../timed-calls.ts'

/** Calls and waits for the answer, one call after the other, with plain amqplib; prints the times in milliseconds. */
const { url, queue, calls } = callOptions()
const connection = await amqp.connect(url, { noDelay: true })
const channel = await connection.createChannel()
const { queue: replies } = await channel.assertQueue('', { exclusive: true })
const waiting = new Map<string, () => void>()
await channel.consume(replies, (message) => waiting.get(message!.properties.correlationId as string)?.(), {
  noAck: true,
})

await timeCalls(calls, () => {
  const { id, body, options } = celeryMessage('bench.add', [1, 2], replies)
  const answered = new Promise<void>((resolve) => waiting.set(id, resolve))
  channel.sendToQueue(queue, body, options)
  return answered
})
await connection.close()
