import { expect, it } from 'vitest'
import { runFailedAgain } from './failed-tasks.ts'
import { openScene } from './open-scene.ts'

it.each(['classic', 'quorum'] as const)(
  'keeps each task that failed on a %s queue once, and runs it again, through kills of the worker and the command',
  async (type) => {
    await using scene = await openScene()
    const sizes = { tasks: 300, failing: 30, workerKills: 2, commandKills: 2 }
    const { listed, wrong, lost, verdict, unexplained, left } = await runFailedAgain(scene, { type, ...sizes })
    expect({ listed, wrong, lost, unexplained, left }).toEqual({
      listed: 30,
      wrong: 0,
      lost: 0,
      unexplained: 0,
      left: 0,
    })
    expect(verdict).toMatchObject({ sent: 30, ran: 30, lost: [], phantom: [] })
  },
)
