import { expect, it } from 'vitest'
import { startRabbit } from '../support/provision/rabbit.ts'
import { openScene } from './open-scene.ts'
import { restartTheBroker } from './restarted-broker.ts'

it('runs every task of a queue whose broker was restarted, and tells those that start again', async () => {
  await using scene = await openScene()
  await using node = await startRabbit()
  const { verdict, remaining, exit, left } = await restartTheBroker(node, { folder: scene.folder, tasks: 2000 })
  expect(verdict).toMatchObject({ sent: 2000, ran: 2000, lost: [], phantom: [], unexplained: [] })
  expect(remaining).toBeGreaterThan(0)
  expect({ exit, left }).toEqual({ exit: 0, left: 0 })
}, 180_000)
