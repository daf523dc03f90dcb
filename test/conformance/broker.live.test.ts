import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import { brokerFacts } from '../support/broker-facts.ts'
import { brokerUrl } from '../support/services.ts'
import { describeBroker } from './broker.ts'

describeBroker(
  'RabbitMQ',
  async () => ({ broker: amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'conformance' }) }),
  brokerFacts(),
)
