import { expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import type { Delivery } from '../../../src/broker/broker.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { runPython } from '../../support/python.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'

it('takes every header table that Python sends, on a connection that lives on', async () => {
  await using connection = await amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' }).connect()
  const channel = await connection.openChannel()
  const queue = uniqueName('headers')
  await channel.declareQueue({ name: queue, durable: false, arguments: { 'x-expires': 60_000 } })
  const deliveries: Delivery[] = []
  const all = deferred<void>()
  await channel.consume(queue, (delivery) => {
    deliveries.push(delivery)
    if (deliveries.length === 4) all.resolve()
  })
  await runPython('publish_headers.py', { broker: brokerUrl(), queue })
  await all.promise
  const [integers, names, values, deep] = deliveries

  expect({ ...integers?.headers }).toEqual({ n: 2 ** 40, negative: -(2 ** 40), largest: 2n ** 63n - 1n })
  expect(Object.keys(names?.headers ?? {})).toEqual(['__proto__', 'constructor', 'toString'])
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  expect({ ...values?.headers }).toEqual({
    timelimit: [300, null],
    ratio: 0.5,
    flag: true,
    text: 'é',
    list: [1, [2]],
  })
  expect(deep?.headersError).toBe('nested deeper than 64 levels')
  expect(deep?.rawHeaders).toHaveLength(5_000 * 7)

  expect(deliveries.map((delivery) => delivery.ack())).toEqual([true, true, true, true])
  await channel.declareQueue({ name: queue, durable: false, arguments: { 'x-expires': 60_000 } })
  expect(channel.isOpen).toBe(true)
})
