import { createClient } from '../../src/client/create-client.ts'
import type { AnyTask } from '../../src/tasks/task.ts'
import { aWorker } from '../support/a-worker.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { startRedis } from '../support/provision/redis.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { describeResults, type ResultsScene } from './results.ts'

/** A worker of these tasks whose broker and results are where `config` says, and clients that reach both directly. */
async function open(
  tasks: readonly AnyTask[],
  resultBackend: string,
  config: { readonly broker?: string; readonly resultBackend?: string; readonly maxResultSize: number },
  network: FaultProxy,
): Promise<ResultsScene> {
  const queue = uniqueName('tasks')
  const worker = await aWorker(tasks, { resultBackend, queues: [queue], ...config })
  const client = createClient({ broker: brokerUrl(), resultBackend, queue })
  const stranger = createClient({ broker: brokerUrl(), resultBackend, queue })
  return {
    client,
    stranger,
    network,
    pass: async () => {},
    async [Symbol.asyncDispose]() {
      await Promise.all([client.close(), stranger.close()])
      await worker[Symbol.asyncDispose]()
      await network[Symbol.asyncDispose]()
    },
  }
}

describeResults('messages (rpc)', {
  kept: false,
  async open(tasks, config) {
    const network = await FaultProxy.before(brokerUrl())
    return open(tasks, 'rpc', { ...config, broker: network.through(brokerUrl()) }, network)
  },
})

describeResults('a Redis', {
  kept: true,
  async open(tasks, config) {
    const redis = await startRedis()
    const network = await FaultProxy.before(redis.url)
    const scene = await open(tasks, redis.url, { ...config, resultBackend: network.through(redis.url) }, network)
    return {
      ...scene,
      async [Symbol.asyncDispose]() {
        await scene[Symbol.asyncDispose]()
        await redis[Symbol.asyncDispose]()
      },
    }
  },
})
