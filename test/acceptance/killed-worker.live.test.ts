import { expect, it } from 'vitest'
import { killTheWorker } from './killed-worker.ts'
import { openScene } from './open-scene.ts'

it('runs every task of a worker that was killed, and tells those that start again', async () => {
  await using scene = await openScene()
  const { verdict, workers, exit, left } = await killTheWorker(scene, { tasks: 1000, kills: 1 })
  expect(verdict).toMatchObject({ sent: 1000, ran: 1000, lost: [], phantom: [], unexplained: [] })
  expect(verdict.extraStarts).toBeGreaterThan(0)
  expect(verdict.extraStarts).toBeLessThanOrEqual(50)
  expect({ workers, exit, left }).toEqual({ workers: 2, exit: 0, left: 0 })
})
