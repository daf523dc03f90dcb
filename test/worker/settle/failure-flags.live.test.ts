import { describe, expect, it } from 'vitest'
import { quarantineQueue } from '../../../src/protocol/headers/quarantine.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { queueOnce, take } from '../../support/raw-broker.ts'

describe('a failed task', () => {
  it('with ackOnFailure: false goes to the quarantine, and whoever waits is told', async () => {
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
    const [quarantined] = await take(quarantineQueue(scene.queue), 1)
    expect(quarantined?.headers).toMatchObject({ 'x-twq-reason': 'Exception', 'x-twq-detail': 'boom' })
    await queueOnce(scene.queue, ({ messages }) => messages === 0)
  })
})
