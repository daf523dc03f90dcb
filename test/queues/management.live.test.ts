import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import { type ManagedQueue, managementApi } from '../../src/queues/management.ts'
import { freePort } from '../support/provision/free-ports.ts'
import { type RabbitNode, startRabbit } from '../support/provision/rabbit.ts'
import { runTwq } from '../support/run-twq.ts'
import { pollUntil } from '../support/until.ts'

// A name that must be escaped in a path.
const VHOST = 'my/host'

let node: RabbitNode
let broker: string
let management: string

beforeAll(async () => {
  const port = await freePort()
  management = `http://127.0.0.1:${port}`
  node = await startRabbit({
    plugins: ['rabbitmq_management'],
    config: { 'management.tcp.ip': '127.0.0.1', 'management.tcp.port': port ?? 0, collect_statistics_interval: 1_000 },
  })
  await node.addVhosts([VHOST])
  broker = node.url(VHOST)
})

afterAll(() => node?.[Symbol.asyncDispose]())

const twq = (command: readonly string[], api = management): ReturnType<typeof runTwq> =>
  runTwq([...command, '--broker', broker, '--management', api, '--json'])

describe("RabbitMQ's management API", () => {
  it('tells of each queue what AMQP does not', async () => {
    await using connection = await amqpBroker({ url: broker, heartbeat: 10_000, name: 'test' }).connect()
    await using channel = await connection.openChannel()
    await channel.declareQueue({ name: 'urgent', durable: true, arguments: { 'x-max-priority': 5 } })
    await channel.declareQueue({ name: 'safe', durable: true, arguments: { 'x-queue-type': 'quorum' } })
    await node.ctl('set_policy', '-p', VHOST, 'short', '^urgent$', '{"max-length":1000}')
    for (let n = 0; n < 3; n += 1) {
      const properties = { deliveryMode: 2, timestamp: 1_700_000_000 + n } as const
      const message = { properties, headers: {}, body: Buffer.from('{}') }
      await channel.publish({ exchange: '', routingKey: 'urgent' }, message, { mandatory: true })
    }
    await channel.prefetch(1, 'channel')
    await channel.consume('urgent', () => {})

    const queues = await pollUntil<readonly ManagedQueue[]>(
      'the statistics',
      () => managementApi(management, broker, 60_000).queues(),
      // Each queue has its figures in its own time.
      (all) =>
        all.every(({ state }) => state === 'running') &&
        all.some(({ name, unacked, policy }) => name === 'urgent' && unacked === 1 && policy === 'short'),
    )
    expect(queues.map(({ name }) => name).sort()).toEqual(['safe', 'urgent'])
    expect(queues.find(({ name }) => name === 'urgent')).toMatchObject({
      type: 'classic',
      state: 'running',
      ready: 2,
      unacked: 1,
      consumers: 1,
      durable: true,
      arguments: { 'x-max-priority': 5 },
      policy: 'short',
      published: expect.any(Number),
      delivered: expect.any(Number),
      headTime: 1_700_000_000,
    })
    expect(queues.find(({ name }) => name === 'safe')).toMatchObject({
      type: 'quorum',
      state: 'running',
      policy: undefined,
    })

    const listed = await twq(['queue', 'list', '--all'])
    expect(listed).toMatchObject({ status: 0, stderr: '' })
    expect(JSON.parse(listed.stdout)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'safe', exists: true, type: 'quorum' }),
        expect.objectContaining({ name: 'urgent', messages_ready: 2, messages_unacknowledged: 1, consumers: 1 }),
      ]),
    )
    const shown = await twq(['queue', 'show', 'urgent'])
    expect(JSON.parse(shown.stdout)).toMatchObject({
      type: 'classic',
      durable: true,
      policy: 'short',
      messages_unacknowledged: 1,
      arguments: { 'x-max-priority': 5 },
    })
  })

  it('refuses a user without the tag, and twq says which one', async () => {
    await node.ctl('add_user', 'ada', 'secret')
    const refused = await twq(['queue', 'list', '--all'], management.replace('//', '//ada:secret@'))
    expect(refused).toMatchObject({ stdout: '' })
    expect(refused.stderr).toContain('rabbitmqctl set_user_tags ada management')
  })
})
