import amqp from 'amqplib'
import { celeryMessage } from '../../test/support/celery-message.ts'
import { callOptions, timeCalls } from '../timed-calls.ts'

/**
 * Consecutive calls that wait for the broker's confirm and the answer, with plain amqplib; prints the times in milliseconds. With
 * `--confirm no` it waits only for the answer.
 */
const { url, queue, calls, confirm } = callOptions()
const connection = await amqp.connect(url, { noDelay: true })
const channel = await (confirm ? connection.createConfirmChannel() : connection.createChannel())
const { queue: replies } = await channel.assertQueue('', { exclusive: true })
const waiting = new Map<string, () => void>()
await channel.consume(replies, (message) => waiting.get(message!.properties.correlationId as string)?.(), {
  noAck: true,
})

await timeCalls(calls, () => {
  const { id, body, options } = celeryMessage('bench.add', [1, 2], replies)
  const answered = new Promise<void>((resolve) => waiting.set(id, resolve))
  if (!confirm) {
    channel.sendToQueue(queue, body, options)
    return answered
  }
  const confirmed = new Promise<void>((resolve, reject) => {
    const told = (error: unknown) => (error ? reject(error) : resolve())
    ;(channel as amqp.ConfirmChannel).sendToQueue(queue, body, { ...options, mandatory: true }, told)
  })
  return Promise.all([confirmed, answered])
})
await connection.close()
