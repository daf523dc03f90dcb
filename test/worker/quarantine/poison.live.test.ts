import { expect, it } from 'vitest'
import { openScene } from '../../acceptance/open-scene.ts'
import { poison } from '../../acceptance/poison-task.ts'

it.concurrent.each(['classic', 'quorum'] as const)(
  'a task on a %s queue that kills its worker starts three times, the last time alone, and every neighbour ends',
  async (type) => {
    await using scene = await openScene()
    expect(await poison(scene, { type, neighbours: 200, deploys: [] })).toEqual({
      starts: 3,
      deaths: 2,
      poisonSetAside: ['WorkerLostError'],
      neighboursSetAside: [],
      lost: 0,
      unexplained: [],
      left: 0,
    })
  },
)
