import type { MethodArguments } from '../../src/devbroker/methods.ts'
import type { Headers } from '../../src/protocol/wire.ts'
import { isAtLeast } from '../support/broker-facts.ts'
import type { RawClient } from './raw-client.ts'

/** Something that a broker refuses, and how it says so. */
export interface RefusalCase {
  readonly title: string
  /** Sends it, on channel 1 of a fresh connection; `name` is unique to the case. */
  act(client: RawClient, name: string): void | Promise<void>
  /** `channel 404 NOT_FOUND - …`; `$name` and `$vhost` stand for the case's own. */
  readonly answer: string
  /** Other words from a version of RabbitMQ on. */
  readonly since?: Readonly<Record<string, string>>
}

/** The answer of this version. */
export function answerOf({ answer, since = {} }: RefusalCase, version: string): string {
  const [newest] = Object.keys(since)
    .filter((from) => isAtLeast(version, from))
    .sort()
    .reverse()
  return newest === undefined ? answer : (since[newest] ?? answer)
}

const declare = (client: RawClient, queue: string, over: Partial<MethodArguments<'queue.declare'>> = {}): void =>
  client.send(1, 'queue.declare', {
    reserved1: 0,
    queue,
    passive: false,
    durable: false,
    exclusive: false,
    autoDelete: true,
    noWait: true,
    arguments: {},
    ...over,
  })

const declareWith = (args: Headers) => (client: RawClient, name: string) =>
  declare(client, name, { arguments: args, noWait: false })
const quorum = { durable: true, autoDelete: false, noWait: false }

const exchange = (client: RawClient, name: string, over: Partial<MethodArguments<'exchange.declare'>> = {}): void =>
  client.send(1, 'exchange.declare', {
    reserved1: 0,
    exchange: name,
    type: 'direct',
    passive: false,
    durable: false,
    autoDelete: true,
    internal: false,
    noWait: true,
    arguments: {},
    ...over,
  })

const bind = (client: RawClient, queue: string, source: string, args: Headers = {}): void =>
  client.send(1, 'queue.bind', {
    reserved1: 0,
    queue,
    exchange: source,
    routingKey: 'k',
    noWait: true,
    arguments: args,
  })

const consume = (client: RawClient, queue: string, over: Partial<MethodArguments<'basic.consume'>> = {}): void =>
  client.send(1, 'basic.consume', {
    reserved1: 0,
    queue,
    consumerTag: '',
    noLocal: false,
    noAck: false,
    exclusive: false,
    noWait: true,
    arguments: {},
    ...over,
  })

const publishWith = (properties: object) => (client: RawClient, name: string) =>
  client.publish(1, { exchange: '', routingKey: name }, { properties })

/** Every refusal that the embedded broker and RabbitMQ 3.10 word alike, and how later versions word it. */
export const REFUSALS: readonly RefusalCase[] = [
  {
    title: 'a passive declare of a missing queue',
    act: (c, n) => declare(c, n, { passive: true }),
    answer: "channel 404 NOT_FOUND - no queue '$name' in vhost '$vhost' (50.10)",
  },
  {
    title: 'a passive declare of a missing exchange',
    act: (c, n) => exchange(c, n, { passive: true }),
    answer: "channel 404 NOT_FOUND - no exchange '$name' in vhost '$vhost' (40.10)",
  },
  {
    title: 'a publish to a missing exchange',
    act: (c, n) => c.publish(1, { exchange: n, routingKey: 'k' }),
    answer: "channel 404 NOT_FOUND - no exchange '$name' in vhost '$vhost' (60.40)",
  },
  {
    title: 'an unnamed queue before any was declared',
    act: (c) => consume(c, ''),
    answer: 'channel 404 NOT_FOUND - no previously declared queue (60.20)',
  },
  {
    title: 'a get from a missing queue',
    act: (c, n) => c.send(1, 'basic.get', { reserved1: 0, queue: n, noAck: true }),
    answer: "channel 404 NOT_FOUND - no queue '$name' in vhost '$vhost' (60.70)",
  },
  {
    title: 'a consumer on a missing queue',
    act: (c, n) => consume(c, n),
    answer: "channel 404 NOT_FOUND - no queue '$name' in vhost '$vhost' (60.20)",
  },
  {
    title: 'a purge of a missing queue',
    act: (c, n) => c.send(1, 'queue.purge', { reserved1: 0, queue: n, noWait: false }),
    answer: "channel 404 NOT_FOUND - no queue '$name' in vhost '$vhost' (50.30)",
  },
  {
    title: 'a binding to a missing exchange',
    act: (c, n) => {
      declare(c, n)
      bind(c, n, `${n}.x`)
    },
    answer: "channel 404 NOT_FOUND - no exchange '$name.x' in vhost '$vhost' (50.20)",
  },
  {
    title: 'a binding of a missing queue',
    act: (c, n) => bind(c, n, 'amq.direct'),
    answer: "channel 404 NOT_FOUND - no queue '$name' in vhost '$vhost' (50.20)",
  },
  {
    title: 'a binding to the default exchange',
    act: (c, n) => {
      declare(c, n)
      bind(c, n, '')
    },
    answer: 'channel 403 ACCESS_REFUSED - operation not permitted on the default exchange (50.20)',
  },
  {
    title: 'an exchange binding from a missing exchange',
    act: (c, n) =>
      c.send(1, 'exchange.bind', {
        reserved1: 0,
        destination: 'amq.direct',
        source: n,
        routingKey: '',
        noWait: false,
        arguments: {},
      }),
    answer: "channel 404 NOT_FOUND - no exchange '$name' in vhost '$vhost' (40.30)",
  },
  {
    title: 'an unknown x-match',
    act: (c, n) => {
      declare(c, n)
      bind(c, n, 'amq.headers', { 'x-match': 'most' })
    },
    answer:
      'channel 406 PRECONDITION_FAILED - Invalid x-match field value <<"most">>; expected all, any, all-with-x, or any-with-x (50.20)',
  },
  {
    title: 'an x-match of the wrong type',
    act: (c, n) => {
      declare(c, n)
      bind(c, n, 'amq.headers', { 'x-match': 5 })
    },
    answer:
      'channel 406 PRECONDITION_FAILED - Invalid x-match field type signedint (value 5); expected longstr (50.20)',
  },

  {
    title: 'a queue declared again with another durability',
    act: (c, n) => {
      declare(c, n)
      declare(c, n, { durable: true })
    },
    answer:
      "channel 406 PRECONDITION_FAILED - inequivalent arg 'durable' for queue '$name' in vhost '$vhost': received 'true' but current is 'false' (50.10)",
  },
  {
    title: 'a queue declared again with another auto-delete',
    act: (c, n) => {
      declare(c, n)
      declare(c, n, { autoDelete: false })
    },
    answer:
      "channel 406 PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue '$name' in vhost '$vhost': received 'false' but current is 'true' (50.10)",
  },
  {
    title: 'a queue declared again as exclusive',
    act: (c, n) => {
      declare(c, n)
      declare(c, n, { exclusive: true })
    },
    answer:
      "channel 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '$name' in vhost '$vhost'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration. (50.10)",
    since: {
      '4.0':
        "channel 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '$name' in vhost '$vhost'. It could be originally declared on another connection or the exclusive property value does not match that of the original declarat... (50.10)",
    },
  },
  {
    title: 'a queue declared again with a new argument',
    act: (c, n) => {
      declare(c, n)
      declare(c, n, { arguments: { 'x-message-ttl': 5 } })
    },
    answer:
      "channel 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue '$name' in vhost '$vhost': received the value '5' of type 'signedint' but current is none (50.10)",
  },
  {
    title: 'a queue declared again without an argument',
    act: (c, n) => {
      declare(c, n, { arguments: { 'x-message-ttl': 5 } })
      declare(c, n)
    },
    answer:
      "channel 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue '$name' in vhost '$vhost': received none but current is the value '5' of type 'signedint' (50.10)",
  },
  {
    title: 'a queue declared again with another argument',
    act: (c, n) => {
      declare(c, n, { arguments: { 'x-max-length': 5 } })
      declare(c, n, { arguments: { 'x-max-length': 6 } })
    },
    answer:
      "channel 406 PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue '$name' in vhost '$vhost': received '6' but current is '5' (50.10)",
  },
  {
    title: 'a queue declared again with another text argument',
    act: (c, n) => {
      declare(c, n, { arguments: { 'x-overflow': 'drop-head' } })
      declare(c, n, { arguments: { 'x-overflow': 'reject-publish' } })
    },
    answer:
      "channel 406 PRECONDITION_FAILED - inequivalent arg 'x-overflow' for queue '$name' in vhost '$vhost': received 'reject-publish' but current is 'drop-head' (50.10)",
  },
  {
    title: 'a classic queue declared again as a quorum queue',
    act: (c, n) => {
      declare(c, n, { durable: true, autoDelete: false, arguments: { 'x-expires': 5000 } })
      declare(c, n, { durable: true, autoDelete: false, arguments: { 'x-queue-type': 'quorum', 'x-expires': 5000 } })
    },
    answer:
      "channel 406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue '$name' in vhost '$vhost': received the value 'quorum' of type 'longstr' but current is none (50.10)",
    since: {
      '4.0':
        "channel 406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue '$name' in vhost '$vhost': received 'quorum' but current is 'classic' (50.10)",
    },
  },
  {
    title: 'an exchange declared again with another type',
    act: (c, n) => {
      exchange(c, n)
      exchange(c, n, { type: 'fanout' })
    },
    answer:
      "channel 406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange '$name' in vhost '$vhost': received 'fanout' but current is 'direct' (40.10)",
  },
  {
    title: 'an exchange declared again with another durability',
    act: (c, n) => {
      exchange(c, n)
      exchange(c, n, { durable: true })
    },
    answer:
      "channel 406 PRECONDITION_FAILED - inequivalent arg 'durable' for exchange '$name' in vhost '$vhost': received 'true' but current is 'false' (40.10)",
  },
  {
    title: 'an exchange declared again with another auto-delete',
    act: (c, n) => {
      exchange(c, n)
      exchange(c, n, { autoDelete: false })
    },
    answer:
      "channel 406 PRECONDITION_FAILED - inequivalent arg 'auto_delete' for exchange '$name' in vhost '$vhost': received 'false' but current is 'true' (40.10)",
  },
  {
    title: 'an exchange declared again as internal',
    act: (c, n) => {
      exchange(c, n)
      exchange(c, n, { internal: true })
    },
    answer:
      "channel 406 PRECONDITION_FAILED - inequivalent arg 'internal' for exchange '$name' in vhost '$vhost': received 'true' but current is 'false' (40.10)",
  },
  {
    title: 'an exchange declared again with an alternate exchange',
    act: (c, n) => {
      exchange(c, n)
      exchange(c, n, { arguments: { 'alternate-exchange': 'amq.fanout' } })
    },
    answer:
      "channel 406 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange '$name' in vhost '$vhost': received the value 'amq.fanout' of type 'longstr' but current is none (40.10)",
  },
  {
    title: 'an exchange of an unknown type',
    act: (c, n) => exchange(c, n, { type: 'x-nonsense' }),
    answer: "connection 503 COMMAND_INVALID - unknown exchange type 'x-nonsense' (40.10)",
    since: { '4.0': "channel 406 PRECONDITION_FAILED - unknown exchange type 'x-nonsense' (40.10)" },
  },
  {
    title: 'a queue with a reserved name',
    act: (c) => declare(c, 'amq.mine'),
    answer: "channel 403 ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*' (50.10)",
  },
  {
    title: 'an exchange with a reserved name',
    act: (c) => exchange(c, 'amq.mine'),
    answer: "channel 403 ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*' (40.10)",
  },
  {
    title: 'a declare of the default exchange',
    act: (c) => exchange(c, ''),
    answer: 'channel 403 ACCESS_REFUSED - operation not permitted on the default exchange (40.10)',
  },
  {
    title: 'a passive declare of the default exchange',
    act: (c) => exchange(c, '', { passive: true }),
    answer: 'channel 403 ACCESS_REFUSED - operation not permitted on the default exchange (40.10)',
  },
  {
    title: 'the deletion of a predeclared exchange',
    act: (c) => c.send(1, 'exchange.delete', { reserved1: 0, exchange: 'amq.direct', ifUnused: false, noWait: false }),
    answer:
      "channel 403 ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '$vhost' not allowed (40.20)",
  },
  {
    title: 'the deletion of the default exchange',
    act: (c) => c.send(1, 'exchange.delete', { reserved1: 0, exchange: '', ifUnused: false, noWait: false }),
    answer: 'channel 403 ACCESS_REFUSED - operation not permitted on the default exchange (40.20)',
  },
  {
    title: 'the deletion of an exchange in use',
    act: (c, n) => {
      exchange(c, n)
      declare(c, n)
      bind(c, n, n)
      c.send(1, 'exchange.delete', { reserved1: 0, exchange: n, ifUnused: true, noWait: false })
    },
    answer: "channel 406 PRECONDITION_FAILED - exchange '$name' in vhost '$vhost' in use (40.20)",
  },
  {
    title: 'the deletion of a queue in use',
    act: (c, n) => {
      declare(c, n)
      consume(c, n)
      c.send(1, 'queue.delete', { reserved1: 0, queue: n, ifUnused: true, ifEmpty: false, noWait: false })
    },
    answer: "channel 406 PRECONDITION_FAILED - queue '$name' in vhost '$vhost' in use (50.40)",
  },
  {
    title: 'the deletion of a queue with messages',
    act: (c, n) => {
      declare(c, n)
      c.publish(1, { exchange: '', routingKey: n })
      c.send(1, 'queue.delete', { reserved1: 0, queue: n, ifUnused: false, ifEmpty: true, noWait: false })
    },
    answer: "channel 406 PRECONDITION_FAILED - queue '$name' in vhost '$vhost' not empty (50.40)",
  },
  {
    title: 'a publish to an internal exchange',
    act: (c, n) => {
      exchange(c, n, { internal: true })
      c.publish(1, { exchange: n, routingKey: '' })
    },
    answer: "channel 403 ACCESS_REFUSED - cannot publish to internal exchange '$name' in vhost '$vhost' (60.40)",
  },

  {
    title: 'a negative x-message-ttl',
    act: declareWith({ 'x-message-ttl': -1 }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue '$name' in vhost '$vhost': {value_negative,-1} (50.10)",
  },
  {
    title: 'an x-message-ttl of the wrong type',
    act: declareWith({ 'x-message-ttl': 'soon' }),
    answer: `channel 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue '$name' in vhost '$vhost': "expected integer, got longstr" (50.10)`,
  },
  {
    title: 'an x-message-ttl with a fraction',
    act: declareWith({ 'x-message-ttl': 1.5 }),
    answer: `channel 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue '$name' in vhost '$vhost': "expected integer, got double" (50.10)`,
  },
  {
    title: 'an x-message-ttl of true',
    act: declareWith({ 'x-message-ttl': true }),
    answer: `channel 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue '$name' in vhost '$vhost': "expected integer, got bool" (50.10)`,
  },
  {
    title: 'an x-message-ttl beyond what timers hold',
    act: declareWith({ 'x-message-ttl': 2 ** 45 }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue '$name' in vhost '$vhost': {value_too_large,35184372088832} (50.10)",
  },
  {
    title: 'an x-expires of nothing',
    act: declareWith({ 'x-expires': 0 }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid arg 'x-expires' for queue '$name' in vhost '$vhost': {value_zero,0} (50.10)",
  },
  {
    title: 'a negative x-expires',
    act: declareWith({ 'x-expires': -5 }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid arg 'x-expires' for queue '$name' in vhost '$vhost': {value_negative,-5} (50.10)",
  },
  {
    title: 'a negative x-max-length',
    act: declareWith({ 'x-max-length': -1 }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid arg 'x-max-length' for queue '$name' in vhost '$vhost': {value_negative,-1} (50.10)",
  },
  {
    title: 'an x-max-length-bytes of the wrong type',
    act: declareWith({ 'x-max-length-bytes': 'big' }),
    answer: `channel 406 PRECONDITION_FAILED - invalid arg 'x-max-length-bytes' for queue '$name' in vhost '$vhost': "expected integer, got longstr" (50.10)`,
  },
  {
    title: 'an unknown x-overflow',
    act: declareWith({ 'x-overflow': 'explode' }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid arg 'x-overflow' for queue '$name' in vhost '$vhost': invalid_overflow (50.10)",
  },
  {
    title: 'an x-overflow of the wrong type',
    act: declareWith({ 'x-overflow': 3 }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid arg 'x-overflow' for queue '$name' in vhost '$vhost': {unacceptable_type,signedint} (50.10)",
  },
  {
    title: 'an x-max-priority above 255',
    act: declareWith({ 'x-max-priority': 256 }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue '$name' in vhost '$vhost': {max_value_exceeded,256} (50.10)",
  },
  {
    title: 'a negative x-max-priority',
    act: declareWith({ 'x-max-priority': -1 }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue '$name' in vhost '$vhost': {value_negative,-1} (50.10)",
  },
  {
    title: 'an x-dead-letter-exchange of the wrong type',
    act: declareWith({ 'x-dead-letter-exchange': 5 }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue '$name' in vhost '$vhost' (50.10)",
  },
  {
    title: 'an x-dead-letter-routing-key on its own',
    act: declareWith({ 'x-dead-letter-routing-key': 'k' }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid arg 'x-dead-letter-routing-key' for queue '$name' in vhost '$vhost': routing_key_but_no_dlx_defined (50.10)",
  },
  {
    title: 'an x-single-active-consumer of the wrong type',
    act: declareWith({ 'x-single-active-consumer': 'yes' }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid arg 'x-single-active-consumer' for queue '$name' in vhost '$vhost': {unacceptable_type,longstr} (50.10)",
  },
  {
    title: 'an unknown x-queue-type',
    act: declareWith({ 'x-queue-type': 'heap' }),
    answer: `channel 406 PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue '$name' in vhost '$vhost': "unsupported queue type 'heap'" (50.10)`,
  },
  {
    title: 'an x-queue-type of the wrong type',
    act: declareWith({ 'x-queue-type': 5 }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue '$name' in vhost '$vhost': {unacceptable_type,signedint} (50.10)",
  },
  {
    title: 'a quorum queue that is not durable',
    act: (c, n) => declare(c, n, { ...quorum, durable: false, arguments: { 'x-queue-type': 'quorum' } }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid property 'non-durable' for queue '$name' in vhost '$vhost' (50.10)",
  },
  {
    title: 'an exclusive quorum queue',
    act: (c, n) => declare(c, n, { ...quorum, exclusive: true, arguments: { 'x-queue-type': 'quorum' } }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid property 'exclusive-owner' for queue '$name' in vhost '$vhost' (50.10)",
  },
  {
    title: 'an auto-delete quorum queue',
    act: (c, n) => declare(c, n, { ...quorum, autoDelete: true, arguments: { 'x-queue-type': 'quorum' } }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid property 'auto-delete' for queue '$name' in vhost '$vhost' (50.10)",
  },
  {
    title: 'a quorum queue with priorities',
    act: (c, n) => declare(c, n, { ...quorum, arguments: { 'x-queue-type': 'quorum', 'x-max-priority': 5 } }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue '$name' in vhost '$vhost' of queue type rabbit_quorum_queue (50.10)",
  },
  {
    title: 'a classic queue with a delivery limit',
    act: declareWith({ 'x-delivery-limit': 5 }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid arg 'x-delivery-limit' for queue '$name' in vhost '$vhost' of queue type rabbit_classic_queue (50.10)",
  },
  {
    title: 'a quorum queue under a global prefetch',
    act: (c, n) => {
      declare(c, n, { ...quorum, noWait: true, arguments: { 'x-queue-type': 'quorum', 'x-expires': 5000 } })
      c.send(1, 'basic.qos', { prefetchSize: 0, prefetchCount: 5, global: true })
      consume(c, n)
    },
    answer: "connection 540 NOT_IMPLEMENTED - queue '$name' in vhost '$vhost' does not support global qos (60.20)",
    since: { '4.3': 'ok' },
  },
  {
    title: 'a global prefetch over a quorum queue',
    act: (c, n) => {
      declare(c, n, { ...quorum, noWait: true, arguments: { 'x-queue-type': 'quorum', 'x-expires': 5000 } })
      consume(c, n)
      c.send(1, 'basic.qos', { prefetchSize: 0, prefetchCount: 5, global: true })
    },
    answer: 'ok',
  },

  {
    title: 'a second consumer beside an exclusive one',
    act: (c, n) => {
      declare(c, n)
      consume(c, n, { exclusive: true })
      consume(c, n)
    },
    answer: "channel 403 ACCESS_REFUSED - queue '$name' in vhost '$vhost' in exclusive use (60.20)",
  },
  {
    title: 'an exclusive consumer beside another',
    act: (c, n) => {
      declare(c, n)
      consume(c, n)
      consume(c, n, { exclusive: true })
    },
    answer: "channel 403 ACCESS_REFUSED - queue '$name' in vhost '$vhost' in exclusive use (60.20)",
  },
  {
    title: 'a consumer tag used twice',
    act: (c, n) => {
      declare(c, n)
      consume(c, n, { consumerTag: 'me' })
      consume(c, n, { consumerTag: 'me' })
    },
    answer: "connection 530 NOT_ALLOWED - attempt to reuse consumer tag 'me' (60.20)",
  },
  {
    title: 'an x-priority of the wrong type',
    act: (c, n) => {
      declare(c, n)
      consume(c, n, { arguments: { 'x-priority': 'high' } })
    },
    answer: `channel 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue '$name' in vhost '$vhost': "expected integer, got longstr" (60.20)`,
  },
  {
    title: 'an ack of an unknown delivery',
    act: (c) => c.send(1, 'basic.ack', { deliveryTag: 7, multiple: false }),
    answer: 'channel 406 PRECONDITION_FAILED - unknown delivery tag 7 (60.80)',
  },
  {
    title: 'an ack of delivery 0',
    act: (c) => c.send(1, 'basic.ack', { deliveryTag: 0, multiple: false }),
    answer: 'channel 406 PRECONDITION_FAILED - unknown delivery tag 0 (60.80)',
  },
  {
    title: 'an ack up to an unknown delivery',
    act: (c) => c.send(1, 'basic.ack', { deliveryTag: 7, multiple: true }),
    answer: 'channel 406 PRECONDITION_FAILED - unknown delivery tag 7 (60.80)',
  },
  {
    title: 'a reject of an unknown delivery',
    act: (c) => c.send(1, 'basic.reject', { deliveryTag: 7, requeue: true }),
    answer: 'channel 406 PRECONDITION_FAILED - unknown delivery tag 7 (60.90)',
  },
  {
    title: 'a nack of an unknown delivery',
    act: (c) => c.send(1, 'basic.nack', { deliveryTag: 7, multiple: true, requeue: true }),
    answer: 'channel 406 PRECONDITION_FAILED - unknown delivery tag 7 (60.120)',
  },
  {
    title: 'a prefetch size',
    act: (c) => c.send(1, 'basic.qos', { prefetchSize: 1, prefetchCount: 0, global: false }),
    answer: 'connection 540 NOT_IMPLEMENTED - prefetch_size!=0 (1) (60.10)',
  },
  {
    title: 'a recover without requeue',
    act: (c) => c.send(1, 'basic.recover', { requeue: false }),
    answer: 'connection 540 NOT_IMPLEMENTED - requeue=false (60.110)',
  },
  {
    title: 'an immediate publish',
    act: (c, n) => c.publish(1, { exchange: '', routingKey: n, immediate: true }),
    answer: 'connection 540 NOT_IMPLEMENTED - immediate=true (60.40)',
  },
  {
    title: 'an expiration that is no number',
    act: publishWith({ expiration: 'soon' }),
    answer: "channel 406 PRECONDITION_FAILED - invalid expiration 'soon': no_integer (60.40)",
  },
  {
    title: 'an expiration with a rest',
    act: publishWith({ expiration: '12ms' }),
    answer: `channel 406 PRECONDITION_FAILED - invalid expiration '12ms': {leftover_string,"ms"} (60.40)`,
  },
  {
    title: 'a negative expiration',
    act: publishWith({ expiration: '-5' }),
    answer: "channel 406 PRECONDITION_FAILED - invalid expiration '-5': {value_negative,-5} (60.40)",
  },
  {
    title: 'an empty expiration',
    act: publishWith({ expiration: '' }),
    answer: "channel 406 PRECONDITION_FAILED - invalid expiration '': no_integer (60.40)",
  },
  {
    title: 'an expiration beyond what timers hold',
    act: publishWith({ expiration: '999999999999' }),
    answer:
      "channel 406 PRECONDITION_FAILED - invalid expiration '999999999999': {value_too_large,999999999999} (60.40)",
  },
  {
    title: "somebody else's user id",
    act: publishWith({ userId: 'nobody' }),
    answer:
      "channel 406 PRECONDITION_FAILED - user_id property set to 'nobody' but authenticated user was 'guest' (60.40)",
  },
  {
    title: 'a CC header that is no array',
    act: (c, n) =>
      c.publish(1, { exchange: '', routingKey: n }, { headers: Buffer.from('\x02CCS\0\0\0\x01x', 'latin1') }),
    answer: 'channel 406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr} (60.40)',
  },
  {
    title: 'a broken header table',
    act: (c, n) =>
      c.publish(1, { exchange: '', routingKey: n }, { headers: Buffer.from('\x02abS\0\0\0\xffx', 'latin1') }),
    answer: 'connection 541 INTERNAL_ERROR (0.0)',
  },
  {
    title: 'a header of an unknown type',
    act: (c, n) =>
      c.publish(1, { exchange: '', routingKey: n }, { headers: Buffer.from('\x02ab?\0\0\0\xffx', 'latin1') }),
    answer: 'connection 541 INTERNAL_ERROR (0.0)',
  },

  {
    title: 'a channel opened twice',
    act: (c) => c.send(1, 'channel.open', { reserved1: '' }),
    answer: "connection 504 CHANNEL_ERROR - second 'channel.open' seen (20.10)",
  },
  {
    title: 'a method on a channel that is not open',
    act: (c) => c.send(2, 'basic.ack', { deliveryTag: 1, multiple: false }),
    answer: "connection 504 CHANNEL_ERROR - expected 'channel.open' (60.80)",
  },
  {
    title: "a broker's own method",
    act: (c) => c.send(1, 'basic.get-empty', { reserved1: '' }),
    answer: 'connection 503 COMMAND_INVALID - unimplemented method (60.72)',
  },
  {
    title: "another of a broker's own methods",
    act: (c) => c.send(1, 'queue.declare-ok', { queue: 'q', messageCount: 0, consumerCount: 0 }),
    answer: 'connection 503 COMMAND_INVALID - unimplemented method (50.11)',
  },
  {
    title: 'a connection method in the middle',
    act: (c) => c.send(0, 'connection.open', { virtualHost: '/', reserved1: '', reserved2: false }),
    answer: 'connection 504 CHANNEL_ERROR - unexpected method in connection state running (10.40)',
  },
  {
    title: 'a connection method on a channel',
    act: (c) => c.send(1, 'connection.close', { replyCode: 200, replyText: '', classId: 0, methodId: 0 }),
    answer: 'connection 503 COMMAND_INVALID - unimplemented method (10.50)',
  },
  {
    title: 'a channel method on channel 0',
    act: (c) => c.send(0, 'basic.ack', { deliveryTag: 1, multiple: false }),
    answer: 'connection 504 CHANNEL_ERROR - unexpected method in connection state running (60.80)',
  },
  {
    title: 'a channel opened on channel 0',
    act: (c) => c.send(0, 'channel.open', { reserved1: '' }),
    answer: 'connection 504 CHANNEL_ERROR - unexpected method in connection state running (20.10)',
  },
  {
    title: 'a flow stopped by the client',
    act: (c) => c.send(1, 'channel.flow', { active: false }),
    answer: 'connection 540 NOT_IMPLEMENTED - active=false (20.20)',
  },
  {
    title: 'a method cut short',
    act: (c) => {
      c.socket.write(Buffer.from('\x01\0\x01\0\0\0\x05\0\x32\0\x0a\0\xce', 'latin1'))
    },
    answer: 'connection 501 FRAME_ERROR - cannot decode <<0>> (50.10)',
  },
  {
    title: 'a method frame without a method',
    act: (c) => {
      c.socket.write(Buffer.from('\x01\0\x01\0\0\0\x01\0\xce', 'latin1'))
    },
    answer: 'connection 501 FRAME_ERROR - type 1, all octets = <<0>>: unknown_frame (0.0)',
  },
  {
    title: 'an unknown frame type',
    act: (c) => {
      c.socket.write(Buffer.from('\x05\0\x01\0\0\0\x01\0\xce', 'latin1'))
    },
    answer: 'connection 501 FRAME_ERROR - type 5, all octets = <<0>>: unknown_frame (0.0)',
  },
  {
    title: 'a frame without its end mark',
    act: (c) => {
      c.socket.write(Buffer.from('\x01\0\x01\0\0\0\x04\0\x3c\0\x0a\0', 'latin1'))
    },
    answer: 'connection 501 FRAME_ERROR - type 1, all octets = <<0,60,0,10>>: {invalid_frame_end_marker,0} (0.0)',
  },
  {
    title: 'a frame longer than negotiated',
    act: (c) => {
      c.socket.write(Buffer.from('\x01\0\x01\0\x10\0\0abcdefghijklmnopqrstuvwxyz', 'latin1'))
    },
    answer: 'connection 501 FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,1048576,131064} (0.0)',
  },
  {
    title: 'a body without a publish',
    act: (c) => {
      c.socket.write(Buffer.from('\x03\0\x01\0\0\0\x01x\xce', 'latin1'))
    },
    answer: 'connection 505 UNEXPECTED_FRAME - expected method frame, got non method frame instead (0.0)',
  },
  {
    title: 'a header without a publish',
    act: (c) => {
      c.socket.write(Buffer.from('\x02\0\x01\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\0\0\x01\0\0\xce', 'latin1'))
    },
    answer: 'connection 505 UNEXPECTED_FRAME - expected method frame, got non method frame instead (0.0)',
  },
  {
    title: 'a method where a header is due',
    act: (c, n) => {
      c.send(1, 'basic.publish', { reserved1: 0, exchange: '', routingKey: n, mandatory: false, immediate: false })
      c.send(1, 'basic.recover', { requeue: true })
    },
    answer:
      'connection 505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead (60.40)',
  },
  {
    title: 'a body where a header is due',
    act: (c, n) => {
      c.send(1, 'basic.publish', { reserved1: 0, exchange: '', routingKey: n, mandatory: false, immediate: false })
      c.socket.write(Buffer.from('\x03\0\x01\0\0\0\x01x\xce', 'latin1'))
    },
    answer:
      'connection 505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead (60.40)',
  },
  {
    title: 'a header of another class',
    act: (c, n) => {
      c.send(1, 'basic.publish', { reserved1: 0, exchange: '', routingKey: n, mandatory: false, immediate: false })
      c.socket.write(Buffer.from('\x02\0\x01\0\0\0\x0e\0\x32\0\0\0\0\0\0\0\0\0\x01\0\0\xce', 'latin1'))
    },
    answer:
      'connection 505 UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead (60.40)',
  },
  {
    title: 'a method where a body is due',
    act: (c, n) => {
      c.send(1, 'basic.publish', { reserved1: 0, exchange: '', routingKey: n, mandatory: false, immediate: false })
      c.socket.write(Buffer.from('\x02\0\x01\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\0\0\x01\0\0\xce', 'latin1'))
      c.send(1, 'basic.recover', { requeue: true })
    },
    answer: 'connection 505 UNEXPECTED_FRAME - expected content body, got non content body frame instead (60.40)',
  },
  {
    title: 'a body longer than announced',
    act: (c, n) => {
      c.send(1, 'basic.publish', { reserved1: 0, exchange: '', routingKey: n, mandatory: false, immediate: false })
      c.socket.write(
        Buffer.from('\x02\0\x01\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\0\0\x01\0\0\xce\x03\0\x01\0\0\0\x03xyz\xce', 'latin1'),
      )
    },
    answer: 'connection 505 UNEXPECTED_FRAME - expected content body, got non content body frame instead (60.40)',
    since: { '4.3': 'connection 501 FRAME_ERROR - content body frame exceeds remaining content size (60.40)' },
  },
  {
    title: 'a broken table in an argument',
    act: (c) => {
      const f = Buffer.from('\x01\0\x01\0\0\0\x14\0\x32\0\x0a\0\0\x01q\0\0\0\0\x07\x02ab?\0\0\0\0\xce', 'latin1')
      f.writeUInt32BE(f.length - 8, 3)
      c.socket.write(f)
    },
    answer: 'connection 501 FRAME_ERROR - cannot decode <<0,0,1,113,0,0,0,0,7,2,97,98,63,0,0,0,0>> (50.10)',
  },
]

/** What the broker answers to a case, in the form of `RefusalCase.answer`; `ok` when it raises no objection. */
export async function answerTo(
  client: RawClient,
  refusal: RefusalCase,
  name: string,
  vhost: string,
  expected = refusal.answer,
): Promise<string> {
  await client.channel()
  await refusal.act(client, name)
  client.send(1, 'channel.close', { replyCode: 200, replyText: '', classId: 0, methodId: 0 })
  for (;;) {
    const received = await client.receive().catch(() => undefined)
    if (received === undefined) return 'socket closed'
    const { name: method, arguments: args } = received.method
    // RabbitMQ may close this channel before it ends the connection for another channel's sake.
    if (method === 'channel.close-ok' && expected.startsWith('connection')) continue
    if (method === 'channel.close-ok') return 'ok'
    if (method !== 'channel.close' && method !== 'connection.close') continue
    const scope = method.split('.')[0]
    const { replyCode, replyText, classId, methodId } = args as MethodArguments<'channel.close'>
    const text = replyText.replaceAll(name, '$name').replaceAll(`vhost '${vhost}'`, "vhost '$vhost'")
    const [start, end] = [`${scope} ${replyCode} `, ` (${classId}.${methodId})`]
    // RabbitMQ cuts a text for the names in it, at 255 bytes.
    const cut = text.endsWith('...') && expected.startsWith(`${start}${text.slice(0, -3)}`) && expected.endsWith(end)
    return cut ? expected : `${start}${text}${end}`
  }
}
