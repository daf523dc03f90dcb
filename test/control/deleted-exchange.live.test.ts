import amqp from 'amqplib'
import { expect, it, onTestFinished } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import type { Channel } from '../../src/broker/broker.ts'
import { declarePidboxReplies, PIDBOX_EXCHANGE, PIDBOX_REPLY_EXCHANGE, pidboxReplies } from '../../src/broker/pidbox.ts'
import { commandTable } from '../../src/control/command.ts'
import { commands } from '../../src/control/commands/all.ts'
import { Mailbox } from '../../src/control/mailbox.ts'
import type { WorkerView } from '../../src/control/worker-view.ts'
import { LamportClock } from '../../src/protocol/remote/lamport-clock.ts'
import { decodeReply, encodeRequest } from '../../src/protocol/remote/pidbox.ts'
import type { Json } from '../../src/runtime/json.ts'
import { createLogger } from '../../src/runtime/log/logger.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { pollUntil } from '../support/until.ts'

it('hears requests again ten minutes after the exchange of remote control was deleted', async () => {
  await using connection = await amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' }).connect()
  await using channel = await connection.openChannel()
  const clock = new ManualClock()
  const node = `${uniqueName('w')}@test`
  const mailbox = new Mailbox({
    worker: { node } as WorkerView,
    commands: commandTable(commands),
    allows: () => true,
    changes: () => false,
    lamport: new LamportClock(),
    clock,
    logger: createLogger({ level: 'fatal', format: 'json' }),
  })
  const over = new AbortController()
  onTestFinished(() => over.abort())
  const withChannel = async <T>(use: (own: Channel) => Promise<T>): Promise<T> => {
    await using own = await connection.openChannel()
    return await use(own)
  }
  await mailbox.setup(channel, connection.server, { apart: { withChannel }, over: over.signal })

  const admin = await amqp.connect(brokerUrl())
  onTestFinished(() => admin.close())
  await (await admin.createChannel()).deleteExchange(PIDBOX_EXCHANGE)

  // The next one who asks, by Celery or by twq, declares the exchange, and is bound to it by nothing.
  await using asking = await connection.openChannel()
  await asking.declareExchange({ name: PIDBOX_EXCHANGE, type: 'fanout', durable: false })
  await declarePidboxReplies(asking, node, connection.server)
  const answer = deferred<Json>()
  const onReply = (delivery: Parameters<typeof decodeReply>[0]): void => {
    const reply = decodeReply(delivery)
    if (reply.kind === 'reply') answer.resolve(reply.replies[0]?.value ?? null)
  }
  await asking.consume(pidboxReplies(node), onReply, { noAck: true })
  const replyTo = { exchange: PIDBOX_REPLY_EXCHANGE, routingKey: node }
  const request = encodeRequest({ method: 'ping', arguments: {}, ticket: 't', replyTo, clock: 1 })
  const ask = () => asking.publish({ exchange: PIDBOX_EXCHANGE, routingKey: '' }, request, { mandatory: true })
  expect(await ask()).toBe('returned')

  clock.advance(600_000)
  await pollUntil('the mailbox', ask, (outcome) => outcome === 'confirmed')
  expect(await answer.promise).toEqual({ ok: 'pong' })
})
