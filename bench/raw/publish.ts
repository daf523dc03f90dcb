import amqp from 'amqplib'
import { celeryMessage } from '../../test/support/celery-message.ts'
import { callOptions, timeBurst } from '../timed-calls.ts'

/** Publishes task messages with confirms, many concurrently, with plain amqplib; prints messages per second. */
const { url, queue, calls } = callOptions()
const connection = await amqp.connect(url, { noDelay: true })
const channel = await connection.createConfirmChannel()
await timeBurst(
  calls,
  () =>
    new Promise<void>((resolve, reject) => {
      const { body, options } = celeryMessage('bench.add', [1, 2], 'nobody')
      channel.sendToQueue(queue, body, options, (error) => (error ? reject(error as Error) : resolve()))
    }),
)
await connection.close()
