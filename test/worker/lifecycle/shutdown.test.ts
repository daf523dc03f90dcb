import { expect, it } from 'vitest'
import { startTestWorker } from '../../../src/testing/test-worker.ts'
import { add } from '../../support/sample-tasks.ts'

it('is clean, though cold, where nothing has to be ended', async () => {
  await using scene = await startTestWorker({ tasks: [add] })
  expect(await scene.worker.stop('cold')).toBe('clean')
})
