import { expect, it } from 'vitest'
import { killTheWorker } from './killed-worker.ts'
import { openScene } from './open-scene.ts'

it('runs every task of a worker that was killed, and tells those that start again', async () => {
  await using scene = await openScene()
  const report = await killTheWorker(scene, { tasks: 1000, kills: 1, milliseconds: 100 })
  const { verdict, interrupted, mostInterrupted, workers, exit, left } = report
  expect(verdict).toMatchObject({ sent: 1000, ran: 1000, lost: [], phantom: [], unexplained: [] })
  expect(interrupted).toBeGreaterThan(0)
  expect(interrupted).toBeLessThanOrEqual(mostInterrupted)
  // Each of those runs again; so may what had ended, and was not acknowledged where the broker saw it.
  expect(verdict.extraStarts).toBeGreaterThanOrEqual(interrupted)
  expect({ workers, exit, left }).toEqual({ workers: 2, exit: 0, left: 0 })
})
