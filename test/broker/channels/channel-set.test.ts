import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import { describeChannelRow } from '../../conformance/channel-set.ts'

describeChannelRow('the in-process broker', async () => createMemoryBroker())
