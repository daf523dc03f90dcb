import { expect, it } from 'vitest'
import { runFleet } from './mixed-fleet.ts'
import { openScene } from './open-scene.ts'

it('runs every task of a mixed fleet once, and tells the whole life of each', async () => {
  await using scene = await openScene()
  const { shares, ...report } = await runFleet(scene, { tasks: 200 })
  expect(report).toEqual({ sent: 200, succeeded: 200, incomplete: [], phantom: 0, surplus: 0, dropped: 0, left: 0 })
  expect(Object.values(shares).reduce((sum, share) => sum + share, 0)).toBe(200)
})
