import { expect, it } from 'vitest'
import { startRabbit } from '../support/provision/rabbit.ts'
import { openScene } from './open-scene.ts'
import { startUp } from './start-up.ts'

it('starts as the README says, and waits for a broker that comes later', async () => {
  await using scene = await openScene()
  await using node = await startRabbit()
  await expect(startUp(node, scene.folder)).resolves.toBeDefined()
}, 180_000)
