import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import { startDevBroker } from '../../src/devbroker/server.ts'
import { describeBroker } from '../conformance/broker.ts'

describeBroker('the embedded broker over TCP', async () => {
  const server = await startDevBroker()
  return { broker: amqpBroker({ url: server.url, heartbeat: 10_000, name: 'conformance' }), close: () => server.stop() }
})
