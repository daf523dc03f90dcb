import { describe, expect, it } from 'vitest'
import { failedQueue } from '../../../src/protocol/companion-queues.ts'
import { readQuarantineFacts } from '../../../src/protocol/headers/quarantine.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { queueOnce, take } from '../../support/raw-broker.ts'

describe('a failed task', () => {
  it('with ackOnFailure: false is kept, and whoever waits is told', async () => {
    const boom = defineTask({
      name: 'boom',
      ackOnFailure: false,
      run() {
        throw new Error('boom')
      },
    })
    await using scene = await aWorker([boom])
    const handle = await scene.client.send(boom)
    await expect(handle.result()).rejects.toMatchObject({ code: 'TWQ_TASK_FAILED' })
    const [kept] = await take(failedQueue(scene.queue), 1)
    expect(readQuarantineFacts(kept?.headers ?? {})).toMatchObject({ reason: 'Exception', detail: 'boom' })
    await queueOnce(scene.queue, ({ messages }) => messages === 0)
  })
})
