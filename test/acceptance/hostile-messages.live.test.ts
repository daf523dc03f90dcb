import { expect, it } from 'vitest'
import { startRabbit } from '../support/provision/rabbit.ts'
import { HOSTILE_BROKER, isWell, sendHostileMessages } from './hostile-messages.ts'
import { openScene } from './open-scene.ts'

it('stays up and connected whatever it is sent, and loses none of it', async () => {
  await using node = await startRabbit({ config: HOSTILE_BROKER })
  await using scene = await openScene(node.url())
  const { cases, running, interruptions, exit, left } = await sendHostileMessages(scene)
  expect(cases.filter((hostile) => !isWell(hostile))).toEqual([])
  expect(cases.length).toBeGreaterThanOrEqual(58)
  expect({ running, interruptions, exit, left }).toEqual({ running: true, interruptions: 0, exit: 0, left: 0 })
}, 180_000)
