import { createClientOf } from '../../src/client/create-client.ts'
import type { ResultBackendDefinition } from '../../src/results/definition.ts'
import type { AnyTask } from '../../src/tasks/task.ts'
import { startTestWorker } from '../../src/testing/test-worker.ts'
import { mapResults } from '../support/map-results.ts'
import { describeResults, type ResultsScene } from './results.ts'

async function open(
  tasks: readonly AnyTask[],
  resultBackend: string | ResultBackendDefinition,
  config: { readonly maxResultSize: number },
): Promise<ResultsScene> {
  const scene = await startTestWorker({ tasks, config: { ...config, resultBackend } })
  const stranger = createClientOf(scene.broker, scene.clock, { resultBackend })
  return {
    client: scene.client,
    stranger,
    pass: (ms) => scene.clock.pass(ms),
    async [Symbol.asyncDispose]() {
      await stranger.close()
      await scene[Symbol.asyncDispose]()
    },
  }
}

describeResults('this process (rpc)', { kept: false, open: (tasks, config) => open(tasks, 'rpc', config) })

describeResults('a map', { kept: true, open: (tasks, config) => open(tasks, mapResults(), config) })
