import { describe, expect, it } from 'vitest'
import {
  channelFailure,
  connectionFailure,
  exchangeNamed,
  parseInequivalence,
  readRefusal,
} from '../../src/broker/failures.ts'

/** As amqplib words what the broker said. */
const closed = (code: number, name: string, text: string): Error =>
  new Error(`Channel closed by server: ${code} (${name}) with message "${text}"`)

describe('channelFailure', () => {
  it.each<[string, Error, string, RegExp]>([
    [
      'a missing queue',
      closed(404, 'NOT-FOUND', "NOT_FOUND - no queue 'q' in vhost '/'"),
      'TWQ_QUEUE_MISSING',
      /^the broker has no queue 'q' in vhost '\/'$/,
    ],
    [
      'a queue whose node is down, which passes',
      closed(
        404,
        'NOT-FOUND',
        "NOT_FOUND - home node 'rabbit@b' of durable queue 'q' in vhost '/' is down or inaccessible",
      ),
      'TWQ_QUEUE_DOWN',
      /home node 'rabbit@b' of durable queue 'q'/,
    ],
    [
      'a missing permission',
      closed(403, 'ACCESS-REFUSED', "ACCESS_REFUSED - access to queue 'q' in vhost 'v' refused for user 'ann'"),
      'TWQ_BROKER_PERMISSION',
      /access to queue 'q'/,
    ],
    [
      'a queue whose node is away, RabbitMQ 3',
      closed(
        404,
        'NOT_FOUND',
        "NOT_FOUND - home node 'rabbit@b' of durable queue 'q' in vhost '/' is down or inaccessible",
      ),
      'TWQ_QUEUE_DOWN',
      /a node of the broker is away/,
    ],
    [
      'a queue whose node is away, RabbitMQ 4 after a minute',
      closed(404, 'NOT_FOUND', "NOT_FOUND - failed to perform operation on queue 'q' in vhost '/' due to timeout"),
      'TWQ_QUEUE_DOWN',
      /a node of the broker is away/,
    ],
    [
      'a queue whose node is away, RabbitMQ 4 where it was stopped in order',
      closed(404, 'NOT_FOUND', "NOT_FOUND - queue 'q' in vhost '/' process is stopped by supervisor"),
      'TWQ_QUEUE_DOWN',
      /a node of the broker is away/,
    ],
    [
      'another exclusive consumer, which passes',
      closed(403, 'ACCESS-REFUSED', "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"),
      'TWQ_QUEUE_LOCKED',
      /in exclusive use/,
    ],
    [
      'another setting',
      closed(
        406,
        'PRECONDITION-FAILED',
        "PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'q' in vhost '/': received the value '10' of type 'signedint' but current is none",
      ),
      'TWQ_QUEUE_MISMATCH',
      /^queue "q" exists with x-max-priority none, and 10 was asked for$/,
    ],
    [
      'an argument that the broker does not accept',
      closed(
        406,
        'PRECONDITION-FAILED',
        "PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'q' in vhost '/': {value_zero,0}",
      ),
      'TWQ_QUEUE_MISMATCH',
      /refused an argument: invalid arg 'x-expires'/,
    ],
    [
      'the consumer timeout',
      closed(
        406,
        'PRECONDITION-FAILED',
        'PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms. This timeout value can be configured, see consumers doc guide to learn more',
      ),
      'TWQ_CONSUMER_TIMEOUT',
      /not acknowledged within its consumer timeout of 1800 s/,
    ],
    ['anything else', new Error('Channel ended'), 'TWQ_CHANNEL_CLOSED', /Channel ended/],
  ])('tells %s', (_, error, code, message) => {
    expect(channelFailure(error)).toMatchObject({ code, message: expect.stringMatching(message), cause: error })
  })
})

describe('the hint of a refusal for want of permission', () => {
  const REFUSED = "ACCESS_REFUSED - access to queue 'q' in vhost 'v' refused for user 'ann'"
  const refused = (method: string, text = REFUSED): Error =>
    new Error(`Operation failed: ${method}; 403 (ACCESS-REFUSED) with message "${text}"`)
  const ofExchange = REFUSED.replace("queue 'q'", "exchange 'e'")

  it.each([
    ['QueueDeclare', refused('QueueDeclare'), 'configure'],
    ['ExchangeDeclare', refused('ExchangeDeclare', ofExchange), 'configure'],
    ['QueueBind, of the queue', refused('QueueBind'), 'write'],
    ['QueueBind, of the exchange', refused('QueueBind', ofExchange), 'read'],
    ['BasicConsume', refused('BasicConsume'), 'read'],
    ['a publish', closed(403, 'ACCESS-REFUSED', ofExchange.replace("'e'", "'amq.default'")), 'write'],
    ['a broker that says so', closed(403, 'ACCESS-REFUSED', REFUSED.replace('access to', 'read access to')), 'read'],
  ])('names what is missing after %s', (_, error, permission) => {
    const { hint } = channelFailure(error)
    expect(hint).toContain(
      `The ${permission} permission is missing. See what it has: rabbitmqctl list_user_permissions ann`,
    )
    expect(hint).toContain("rabbitmqctl set_permissions -p v ann '.*' '.*' '.*'")
    expect(hint).toContain('docs/operations.md#what-rabbitmq-must-permit')
  })

  it('names none where nothing tells', () => {
    expect(channelFailure(closed(403, 'ACCESS-REFUSED', REFUSED)).hint).not.toContain('is missing')
  })
})

it('tells a connection that the broker closed from one that broke', () => {
  const forced = new Error('Connection closed: 320 (CONNECTION-FORCED) with message "CONNECTION_FORCED - maintenance"')
  expect(connectionFailure(forced, 'mq:5672').message).toBe(
    'mq:5672 closed the connection: 320 CONNECTION_FORCED - maintenance',
  )
  expect(connectionFailure(new Error('read ECONNRESET'), 'mq:5672').message).toBe(
    'the connection to mq:5672 was lost: read ECONNRESET',
  )
})

it.each([
  ['q', 'declare it first.'],
  ['q.failed', 'declare it first: a worker of q does as it starts, or twq queue declare q'],
  ["it's.quarantine", "declare it first: a worker of it's does as it starts, or twq queue declare 'it'\\''s'"],
])('says who declares the missing queue %s', (name, declare) => {
  const refusal = closed(404, 'NOT-FOUND', `NOT_FOUND - no queue '${name}' in vhost '/'`)
  expect(channelFailure(refusal).hint).toBe(`Check the name and the vhost, or ${declare}`)
})

it.each([
  ["cannot declare queue 'q': queue limit in vhost 'v' (4) is reached", 'rabbitmqctl list_vhost_limits -p v'],
  [
    "connection refused for user 'ann': user connection limit (2) is reached",
    'rabbitmqctl list_user_limits --user ann',
  ],
  [
    "number of channels opened for user 'ann' has reached the maximum allowed user limit of 4",
    'rabbitmqctl list_user_limits --user ann',
  ],
  ['connection refused: node connection limit (9) is reached', 'rabbitmq.conf'],
])('says where the limit is seen: %s', (text, hint) => {
  expect(channelFailure(closed(406, 'PRECONDITION-FAILED', `PRECONDITION_FAILED - ${text}`)).hint).toContain(hint)
})

it("reads the broker's words, also around quotes", () => {
  expect(readRefusal(closed(404, 'NOT-FOUND', `no "q"`))).toEqual({ code: 404, text: 'no "q"' })
  expect(readRefusal(new Error('x'))).toBeUndefined()
  expect(exchangeNamed("NOT_FOUND - no exchange 'it's' in vhost '/'")).toBe("it's")
  expect(exchangeNamed("ACCESS_REFUSED - access to exchange 'amq.default' in vhost '/' refused for user 'a'")).toBe('')
  expect(parseInequivalence('anything')).toBeUndefined()
})
