import { expect, it } from 'vitest'
import { askForHealth } from './health.ts'
import { openScene } from './open-scene.ts'

it('tells orchestrators and people whether a worker consumes, each time that changes', async () => {
  await using scene = await openScene()
  const { turns, exits } = await askForHealth(scene, { heartbeat: 2_000, rounds: 1 })
  expect(Object.keys(turns)).toEqual(['refused', 'silent'])
  expect(exits).toEqual([0])
}, 180_000)
