import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import type { Channel } from '../../src/broker/broker.ts'
import { declarePidbox, declarePidboxReplies } from '../../src/broker/pidbox.ts'
import { isRabbitMq4 } from '../../src/broker/server-version.ts'
import { createSession, type Session } from '../../src/broker/session.ts'
import { declareResultQueue, declareTaskQueue, type TopologyDifference } from '../../src/broker/topology.ts'
import type { TwqError } from '../../src/errors.ts'
import { readQueue } from '../../src/protocol/queue/queue-settings.ts'
import { plainQueue } from '../../src/protocol/queue/task-queue.ts'
import { declareQuarantine, declareSuspects } from '../../src/queues/companions.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { brokerFacts } from '../support/broker-facts.ts'
import { brokerUrl, ctl, uniqueName, vhost } from '../support/services.ts'

let session: Session

beforeAll(async () => {
  const broker = amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'topology' })
  session = createSession({ broker, name: 'topology', clock: systemClock, random: Math.random })
  await session.start()
})
afterAll(() => session.stop({ deadline: AbortSignal.timeout(5_000) }))

const unexpected = (difference: TopologyDifference): void => {
  throw difference.error
}

/** What rabbitmqctl lists, by name, in one call: it is slow, and some of these queues live for seconds only. */
async function listed(what: 'queues' | 'exchanges', ...columns: string[]): Promise<Map<string, string>> {
  const lines = (await ctl(`list_${what}`, '-p', vhost(), 'name', ...columns)).split('\n')
  return new Map(lines.map((line) => [line.split('\t', 1)[0] ?? '', line.slice(line.indexOf('\t') + 1)]))
}

/** Arguments of a classic queue as rabbitmqctl lists them. */
function shown(...args: string[]): string {
  return `[${[...args, ...(brokerFacts().showsQueueType ? ['{"x-queue-type","classic"}'] : [])].join(',')}]`
}

/** Declares `name` otherwise than Celery does. */
function given(declare: (channel: Channel) => Promise<unknown>): Promise<unknown> {
  return session.withChannel(declare)
}

describe('declareQuarantine and declareSuspects', () => {
  it('declare quorum queues beside a quorum queue, and take what exists of the other type', async () => {
    const [fresh, old] = [uniqueName('fresh'), uniqueName('old')]
    await given((channel) => channel.declareQueue({ name: `${old}.quarantine`, durable: true }))
    for (const declare of [declareQuarantine, declareSuspects]) {
      expect(await declare(session, fresh, { quorum: true })).toEqual({
        quorum: true,
        difference: undefined,
        differences: [],
      })
      // As it is, whatever it is beside.
      expect(await declare(session, fresh, { quorum: true })).toEqual({
        quorum: true,
        difference: undefined,
        differences: [],
      })
      expect(await declare(session, fresh, { quorum: false })).toMatchObject({
        quorum: true,
        difference: { code: 'TWQ_QUEUE_MISMATCH' },
      })
    }
    const taken = await declareQuarantine(session, old, { quorum: true })
    expect(taken.quorum).toBe(false)
    expect(taken.difference?.message).toContain('x-queue-type is')
  })
})

describe('declareTaskQueue', () => {
  it('declares what Celery declares, and again without complaint', async () => {
    const name = uniqueName('tasks')
    expect(await declareTaskQueue(session, plainQueue(name), unexpected)).toEqual({ name, messages: 0, consumers: 0 })
    await declareTaskQueue(session, plainQueue(name), unexpected)
    expect((await listed('exchanges', 'type', 'durable', 'auto_delete', 'arguments')).get(name)).toBe(
      'direct\ttrue\tfalse\t[]',
    )
    expect((await listed('queues', 'durable', 'auto_delete', 'exclusive', 'arguments')).get(name)).toBe(
      `true\tfalse\tfalse\t${shown()}`,
    )
    const bound = session.withChannel((channel) =>
      channel.publish(
        { exchange: name, routingKey: name },
        { properties: {}, headers: {}, body: Buffer.from('1') },
        { mandatory: true },
      ),
    )
    expect(await bound).toBe('confirmed')
  })

  it('uses a queue that has other settings, and says which', async () => {
    const name = uniqueName('quorum')
    await given((channel) => channel.declareQueue({ name, durable: true, arguments: { 'x-queue-type': 'quorum' } }))
    const differences: TopologyDifference[] = []
    const status = await declareTaskQueue(session, plainQueue(name), (difference) => differences.push(difference))
    expect(status.name).toBe(name)
    expect(differences).toMatchObject([
      { kind: 'queue', name, argument: 'x-queue-type', found: 'quorum', error: { code: 'TWQ_QUEUE_MISMATCH' } },
    ])
  })

  it('explains everything that the configuration states otherwise', async () => {
    const name = uniqueName('stated')
    await given((channel) =>
      channel.declareQueue({ name, durable: false, arguments: { 'x-max-priority': 5, 'x-message-ttl': 60_000 } }),
    )
    const settings = { name, durable: true, maxPriority: 10, deadLetter: { routingKey: 'dead' } }
    const reading = readQueue(settings)
    if (reading.kind !== 'queue') throw new Error(reading.problems.join())
    const error = await declareTaskQueue(session, reading.queue, unexpected).then(
      () => undefined,
      (reason: TwqError) => reason,
    )
    expect(error).toMatchObject({ code: 'TWQ_QUEUE_MISMATCH' })
    expect(error?.message.split('\n').sort()).toEqual(
      [
        `queue "${name}" exists with other settings:`,
        '  - durable is false there, and true here',
        '  - x-max-priority is 5 there, and 10 here',
        '  - x-dead-letter-exchange is none there, and  here',
        '  - x-dead-letter-routing-key is none there, and dead here',
        '  - x-message-ttl is 60000 there, and none here, of which the configuration says nothing',
      ].sort(),
    )
    expect(error?.hint).toContain(`rabbitmqctl delete_queue ${name}`)
  })

  it('takes what the configuration says nothing of as it is', async () => {
    const name = uniqueName('unstated')
    const there = { 'x-max-priority': 10, 'x-message-ttl': 60_000, 'x-max-length': 7 }
    await given((channel) => channel.declareQueue({ name, durable: true, arguments: there }))
    const reading = readQueue({ name, maxPriority: 10 })
    if (reading.kind !== 'queue') throw new Error(reading.problems.join())
    const differences: string[] = []
    await declareTaskQueue(session, reading.queue, ({ argument, found }) => differences.push(`${argument} ${found}`))
    expect(differences.sort()).toEqual(['x-max-length 7', 'x-message-ttl 60000'])
  })

  it('leaves an exchange alone that has another type', async () => {
    const name = uniqueName('topic')
    await given((channel) => channel.declareExchange({ name, type: 'topic', durable: true }))
    const differences: TopologyDifference[] = []
    await declareTaskQueue(session, plainQueue(name), (difference) => differences.push(difference))
    expect(differences).toMatchObject([{ kind: 'exchange', name, argument: 'type', wanted: 'direct', found: 'topic' }])
    const unbound = session.withChannel((channel) =>
      channel.publish(
        { exchange: name, routingKey: name },
        { properties: {}, headers: {}, body: Buffer.from('1') },
        { mandatory: true },
      ),
    )
    expect(await unbound).toBe('returned')
  })
})

it('declares the private queues as Celery does, and a mailbox that several connections may use', async () => {
  const node = uniqueName('twq@host')
  const oid = uniqueName('oid')
  const tasks = uniqueName('tasks')
  await session.withChannel(async (channel) => {
    const server = session.connection!.server
    expect(await declarePidbox(channel, node, server)).toMatchObject({ name: `${node}.celery.pidbox` })
    expect(await declarePidboxReplies(channel, oid, server)).toBe(`${oid}.reply.celery.pidbox`)
    await declareResultQueue(channel, `${oid}-results`, 3_600_000)
    await declareQuarantine(session, tasks, { quorum: false })
    // A consumer keeps these from expiring before rabbitmqctl has told of them.
    for (const name of [`${node}.celery.pidbox`, `${oid}.reply.celery.pidbox`]) await channel.consume(name, () => {})
    const queues = await listed('queues', 'durable', 'auto_delete', 'exclusive', 'arguments')
    const four = isRabbitMq4(server)
    const [mailbox = '', args = ''] = queues.get(`${node}.celery.pidbox`)?.split('\t[') ?? []
    expect(mailbox).toBe(four ? 'true\ttrue\tfalse' : 'false\ttrue\tfalse')
    for (const arg of ['{"x-expires",10000}', '{"x-message-ttl",300000}']) expect(args).toContain(arg)
    expect(args.includes('{"x-queue-type","classic"}')).toBe(four)
    expect(queues.get(`${oid}.reply.celery.pidbox`)).toContain(`false\ttrue\t${four}\t`)
    // Classic by name: the virtual host may have another type by default.
    const classic = '{"x-queue-type","classic"}'
    expect(queues.get(`${oid}-results`)).toBe(`true\tfalse\tfalse\t[{"x-expires",3600000},${classic}]`)
    expect(queues.get(`${tasks}.quarantine`)).toBe(`true\tfalse\tfalse\t[${classic}]`)
    const exchanges = await listed('exchanges', 'type', 'durable', 'auto_delete')
    expect(exchanges.get('celery.pidbox')).toBe('fanout\tfalse\tfalse')
    expect(exchanges.get('reply.celery.pidbox')).toBe('direct\tfalse\tfalse')
  })
})
