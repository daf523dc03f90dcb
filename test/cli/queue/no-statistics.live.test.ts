import { expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import { freePort } from '../../support/provision/free-ports.ts'
import { startRabbit } from '../../support/provision/rabbit.ts'
import { runTwq } from '../../support/run-twq.ts'
import { uniqueName } from '../../support/services.ts'

it('counts by AMQP what the management API has no statistics of, and all where it does not answer', async () => {
  const port = await freePort()
  await using node = await startRabbit({
    plugins: ['rabbitmq_management'],
    config: {
      'management.tcp.ip': '127.0.0.1',
      'management.tcp.port': port,
      'management_agent.disable_metrics_collector': true,
    },
  })
  const queue = uniqueName('queue')
  await using connection = await amqpBroker({ url: node.url(), heartbeat: 10_000, name: 'test' }).connect()
  await using channel = await connection.openChannel()
  await channel.declareQueue({ name: queue, durable: true, arguments: { 'x-queue-type': 'quorum' } })
  const message = { properties: { deliveryMode: 2 }, headers: {}, body: Buffer.from('{}') } as const
  await channel.publish({ exchange: '', routingKey: queue }, message, { mandatory: true })

  const env = { TWQ_BROKER: node.url(), TWQ_QUEUES: queue, TWQ_MANAGEMENT: `http://127.0.0.1:${port}` }
  const listed = await runTwq(['queue', 'list', '--json'], { env })
  expect(JSON.parse(listed.stdout)).toContainEqual(
    expect.objectContaining({ name: queue, type: 'quorum', messages_ready: 1, consumers: 0 }),
  )
  expect(listed.stderr).toBe('')

  // A node of the cluster that is down, as here one that nobody listens on, takes its API with it.
  const other = await freePort()
  const without = await runTwq(['queue', 'list', '--json'], {
    env: { ...env, TWQ_MANAGEMENT: `http://127.0.0.1:${other}` },
  })
  expect(without.status).toBe(0)
  expect(JSON.parse(without.stdout)).toContainEqual({ name: queue, exists: true, messages_ready: 1, consumers: 0 })
  expect(without.stderr).toContain(
    `the management API at 127.0.0.1:${other} can't be reached: what follows is what AMQP tells`,
  )
})
