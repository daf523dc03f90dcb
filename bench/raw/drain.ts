import { parseArgs } from 'node:util'
import amqp from 'amqplib'
import { CONSUMER_OPTIONS, tickOf } from './consumer-options.ts'

/**
 * What a worker would be with nothing in it: plain amqplib that consumes a queue, parses the body, adds, and
 * acknowledges; with `--results` it answers to the caller's reply queue first, without confirms. SIGTERM ends it, its acks sent.
 *
 * `--acks each` writes one ack per message; `--acks turn` one `multiple` ack per turn of the event loop, the fastest way we know.
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
// The channel first: amqplib lets the end of a connection overtake the acks of its channels.
process.once('SIGTERM', () => void channel.close().then(() => connection.close()))
