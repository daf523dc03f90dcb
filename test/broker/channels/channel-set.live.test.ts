import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import { describeChannelRow } from '../../conformance/channel-set.ts'
import { brokerUrl } from '../../support/services.ts'

describeChannelRow('RabbitMQ', async () => amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'row test' }))
