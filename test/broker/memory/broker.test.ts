import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import { describeBroker } from '../../conformance/broker.ts'

describeBroker('the in-process broker', async () => ({ broker: createMemoryBroker() }))
