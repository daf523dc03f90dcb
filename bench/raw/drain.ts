import { parseArgs } from 'node:util'
import amqp from 'amqplib'
import { CONSUMER_OPTIONS, tickOf } from './consumer-options.ts'

/**
 * The minimum of a worker: plain amqplib that consumes a queue, parses the body, adds, and acknowledges; with `--results` it
 * first answers to the caller's reply queue, without confirms. SIGTERM ends it after its acks are sent.
 */
const { values } = parseArgs({
  options: {
    ...CONSUMER_OPTIONS,
    acks: { type: 'string', default: 'each' },
    results: { type: 'boolean', default: false },
  },
})
const tick = tickOf(values)
const connection = await amqp.connect(values.url, { noDelay: true })
const channel = await connection.createChannel()
await channel.prefetch(Number(values.prefetch))

let newest: amqp.ConsumeMessage | undefined
const ackTurn = () => {
  channel.ack(newest!, true)
  newest = undefined
}

await channel.consume(values.queue, (message) => {
  if (message === null) throw new Error('the broker cancelled the consumer')
  tick()
  const [args] = JSON.parse(message.content.toString()) as [[number, number]]
  const { replyTo, correlationId } = message.properties as { replyTo: string; correlationId: string }
  if (values.results) {
    const result = {
      task_id: correlationId,
      status: 'SUCCESS',
      result: args[0] + args[1],
      traceback: null,
      children: [],
    }
    channel.publish('', replyTo, Buffer.from(JSON.stringify(result)), {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      correlationId,
    })
  }
  if (values.acks === 'each') channel.ack(message)
  else {
    if (newest === undefined) setImmediate(ackTurn)
    newest = message
  }
})
// The channel first: with amqplib, closing a connection can overtake the acks of its channels.
process.once('SIGTERM', () => void channel.close().then(() => connection.close()))
