import { describe, expect, it } from 'vitest'
import { type QueueSettings, readQueue } from '../../../src/protocol/queue/queue-settings.ts'
import { plainQueue } from '../../../src/protocol/queue/task-queue.ts'

function queueOf(value: string | QueueSettings) {
  const reading = readQueue(value)
  if (reading.kind === 'queue') return reading.queue
  throw new Error(reading.problems.join('; '))
}

function problemsOf(value: unknown): readonly string[] {
  const reading = readQueue(value)
  return reading.kind === 'queue' ? [] : reading.problems
}

describe('the settings of a queue', () => {
  it('are those of Celery where only a name is given', () => {
    expect(queueOf('celery')).toEqual(plainQueue('celery'))
    expect(queueOf({ name: 'celery' })).toEqual(plainQueue('celery'))
  })

  it('become the arguments that kombu would send', () => {
    const queue = queueOf({
      name: 'emails',
      maxPriority: 10,
      messageTtl: '30s',
      expires: 60_000,
      maxLength: 5,
      maxLengthBytes: 1_000,
      deadLetter: { routingKey: 'dead' },
      arguments: { 'x-overflow': 'reject-publish' },
    })
    expect(queue.arguments).toEqual({
      'x-max-priority': 10,
      'x-message-ttl': 30_000,
      'x-expires': 60_000,
      'x-max-length': 5,
      'x-max-length-bytes': 1_000,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'dead',
      'x-overflow': 'reject-publish',
    })
    expect(queue.stated).toEqual(Object.keys(queue.arguments))
  })

  it('make a quorum queue, with no argument that Python would not send', () => {
    expect(queueOf({ name: 'q', type: 'quorum' }).arguments).toEqual({ 'x-queue-type': 'quorum' })
    expect(queueOf({ name: 'q', type: 'quorum', deliveryLimit: 20 }).arguments).toEqual({
      'x-queue-type': 'quorum',
      'x-delivery-limit': 20,
    })
  })

  it('name the exchange and the key', () => {
    const { exchange, routingKey, stated } = queueOf({
      name: 'events',
      exchange: { name: 'bus', type: 'topic' },
      routingKey: 'events.#',
    })
    expect(exchange).toEqual({ name: 'bus', type: 'topic', durable: true, autoDelete: false })
    expect(routingKey).toBe('events.#')
    expect(stated).toEqual(['exchange.type'])
    expect(queueOf({ name: 'events', exchange: 'bus' }).exchange).toMatchObject({ name: 'bus', type: 'direct' })
  })

  it.each<[unknown, string]>([
    [7, " must be a queue's name or settings, got 7"],
    ['', ' must be a queue\'s name or settings, got ""'],
    [{ name: 'q', max_priority: 5 }, '.max_priority is not a setting; did you mean maxPriority?'],
    [{ name: 'q', zzz: 5 }, '.zzz is not a setting; there are: name, type, durable'],
    [{ name: 'q', exchange: { typ: 'topic' } }, '.exchange.typ is not a setting; did you mean type?'],
    [{ name: 'q', exchange: { type: 'x-delayed' } }, ".exchange.type must be 'direct', 'topic', 'fanout' or 'headers'"],
    [{ name: 'q', deadLetter: {} }, '.deadLetter must be an object with an exchange, a routingKey, or both'],
    [{ name: 'q', type: 'quorum', maxPriority: 5 }, ' is a quorum queue, and those refuse x-max-priority'],
    [{ name: 'q', type: 'quorum', durable: false }, ' is a quorum queue, and those are always durable'],
    [{ name: 'q', arguments: { 'x-queue-type': 'quorum', 'x-max-priority': 5 } }, ' is a quorum queue'],
    [{ name: 'q', arguments: { 'x-queue-type': 'stream' } }, '.arguments asks for a stream'],
    [{ name: 'q', deliveryLimit: 5 }, '.deliveryLimit is for quorum queues'],
    [{ name: 'q', maxPriority: 5, arguments: { 'x-max-priority': 6 } }, '.arguments has x-max-priority, which another'],
    [{ name: 'amq.q' }, '.name must not begin with amq.'],
    [{ name: 'q', expires: 0 }, ".expires must be a duration like '30s' or '7d', got 0"],
    [{ name: 'q', durable: 5n }, '.durable must be true or false, got what has no JSON form'],
  ])('are refused: %o', (value, problem) => {
    const problems = problemsOf(value)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
  })
})
