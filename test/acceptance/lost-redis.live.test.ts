import { expect, it } from 'vitest'
import { loseTheRedis } from './lost-redis.ts'
import { openScene } from './open-scene.ts'

it('has every result in the end when the Redis that keeps them went away and returned', async () => {
  await using scene = await openScene()
  const { verdict, remaining, results, exit, left } = await loseTheRedis(scene, {
    absence: 'stopped',
    tasks: 1000,
    seconds: 2,
  })
  expect(results).toEqual({ right: 1000, wrong: 0, missing: 0 })
  expect(verdict).toMatchObject({ sent: 1000, ran: 1000, lost: [], phantom: [], unexplained: [] })
  expect(remaining).toBeGreaterThan(0)
  expect({ exit, left }).toEqual({ exit: 0, left: 0 })
}, 180_000)
