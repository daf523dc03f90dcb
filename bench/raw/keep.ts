import { parseArgs } from 'node:util'
import amqp from 'amqplib'
import { CONSUMER_OPTIONS, tickOf } from './consumer-options.ts'

/**
 * The minimum of a worker with the same promises as ours, in plain amqplib: it answers to the caller's reply queue, and
 * acknowledges a message once the broker has confirmed everything that follows from it, with one `multiple` ack per turn of the
 * event loop. With `--failing` every task fails, and its message goes to `<queue>.failed` with its error, confirmed as well.
 * SIGTERM ends it after its acks are sent.
 */
const { values } = parseArgs({
  options: {
    ...CONSUMER_OPTIONS,
    failing: { type: 'boolean', default: false },
  },
})
const failedQueue = `${values.queue}.failed`
const tick = tickOf(values)
const connection = await amqp.connect(values.url, { noDelay: true })
const channel = await connection.createConfirmChannel()
if (values.failing) await channel.assertQueue(failedQueue, { durable: true, maxLength: 10_000 })
await channel.prefetch(Number(values.prefetch))

// The unacknowledged deliveries in order, each with the number of missing confirms.
const open: { readonly message: amqp.ConsumeMessage; missing: number }[] = []
let acknowledging = false
const acknowledge = () => {
  acknowledging = false
  const first = open.findIndex(({ missing }) => missing > 0)
  const settled = open.splice(0, first === -1 ? open.length : first)
  if (settled.length > 0) channel.ack(settled.at(-1)!.message, true)
}

const failure = {
  type: 'RangeError',
  detail: 'no sum for 1 and 2',
  traceback: new RangeError('no sum for 1 and 2').stack,
}
const kept = JSON.stringify({
  ...failure,
  outcome: 'failed',
  queue: values.queue,
  retries: 0,
  time: new Date().toISOString(),
})

await channel.consume(values.queue, (message) => {
  if (message === null) throw new Error('the broker cancelled the consumer')
  tick()
  const [args] = JSON.parse(message.content.toString()) as [[number, number]]
  const { replyTo, correlationId } = message.properties as { replyTo: string; correlationId: string }
  const delivery = { message, missing: values.failing ? 2 : 1 }
  open.push(delivery)
  const confirmed = (error: unknown) => {
    if (error) throw error
    delivery.missing -= 1
    if (acknowledging || delivery.missing > 0) return
    acknowledging = true
    setImmediate(acknowledge)
  }
  if (values.failing) {
    const headers = { ...message.properties.headers, 'x-twq-story': kept }
    channel.sendToQueue(
      failedQueue,
      message.content,
      { ...message.properties, headers, expiration: '604800000' },
      confirmed,
    )
  }
  const outcome = values.failing
    ? { status: 'FAILURE', result: failure, traceback: failure.traceback }
    : { status: 'SUCCESS', result: args[0] + args[1], traceback: null }
  channel.sendToQueue(
    replyTo,
    Buffer.from(JSON.stringify({ task_id: correlationId, children: [], ...outcome })),
    { contentType: 'application/json', contentEncoding: 'utf-8', correlationId, mandatory: true },
    confirmed,
  )
})
process.once('SIGTERM', async () => {
  await channel.waitForConfirms()
  acknowledge()
  // The channel first: with amqplib, closing a connection can overtake the acks of its channels.
  await channel.close()
  await connection.close()
})
