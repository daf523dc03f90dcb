import { expect, it } from 'vitest'
import { answersAmqp } from './provision/amqp-port.ts'
import { brokerUrl } from './services.ts'

it('gives the test file a broker that answers', async () => {
  const { hostname, port } = new URL(brokerUrl())
  expect(await answersAmqp(Number(port || 5672), hostname)).toBe(true)
})
