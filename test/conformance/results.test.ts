import { createClientOf } from '../../src/client/create-client.ts'
import { startTestWorker } from '../../src/testing/test-worker.ts'
import { describeResults } from './results.ts'

describeResults('this process', {
  kept: false,
  async open(tasks, config) {
    const { worker: _, client, broker, clock, ...scene } = await startTestWorker({ tasks, config })
    const stranger = createClientOf(broker, clock)
    return {
      client,
      stranger,
      pass: (ms) => clock.pass(ms),
      async [Symbol.asyncDispose]() {
        await stranger.close()
        await scene[Symbol.asyncDispose]()
      },
    }
  },
})
