import { expect, it } from 'vitest'
import { drainWorkers } from './drained-worker.ts'
import { openScene } from './open-scene.ts'

it('ends what runs when it is asked to leave, and starts nothing twice', async () => {
  await using scene = await openScene()
  const { verdict, exits, left } = await drainWorkers(scene, { signal: 'SIGTERM', running: 20, rounds: 2 })
  expect(verdict).toMatchObject({ ran: verdict.sent, lost: [], phantom: [], extraStarts: 0 })
  expect(verdict.sent).toBeGreaterThanOrEqual(40)
  expect({ exits, left }).toEqual({ exits: [0, 0], left: 0 })
})

it('loses nothing that it interrupts', async () => {
  await using scene = await openScene()
  const { verdict, left } = await drainWorkers(scene, { signal: 'SIGQUIT', running: 20, rounds: 2 })
  expect(verdict).toMatchObject({ ran: verdict.sent, lost: [], phantom: [], unexplained: [] })
  expect(verdict.sent).toBeGreaterThanOrEqual(40)
  expect(left).toBe(0)
})
