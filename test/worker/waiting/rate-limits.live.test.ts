import { expect, it } from 'vitest'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { brokerUrl } from '../../support/services.ts'

it('holds back a task without holding up the others, and lets it go when Python lifts the limit', async () => {
  const ran: number[] = []
  const limited = defineTask({
    name: 'limited',
    rateLimit: '1/h',
    positional: ['n'],
    run({ n }: { n: number }) {
      ran.push(n)
      return n
    },
  })
  const free = defineTask({ name: 'free', run: () => 'free' })
  await using scene = await aWorker([limited, free], { concurrency: 1, prefetch: 2 })
  await using caller = await PythonCaller.start({ broker: brokerUrl(), queue: scene.queue })
  const waiting: string[] = []
  for (let n = 0; n < 6; n += 1) waiting.push(await caller.sendTask('limited', [n]))
  const others = await caller.sendMany(3, 'free')
  expect(await caller.getAll(others)).toEqual(['free', 'free', 'free'])
  expect(ran).toEqual([0])

  // As with Celery, those that wait for their turn are in no list.
  const node = scene.worker.node
  for (const list of ['active', 'reserved', 'scheduled']) expect(await caller.inspect(list)).toEqual({ [node]: [] })
  expect(await caller.inspect('registered')).toEqual({ [node]: ['free', 'limited [rate_limit=1/h]'] })
  expect(
    await caller.evaluate(`app.control.rate_limit('limited', 0, reply=True, timeout=5, destination=['${node}'])`),
  ).toEqual([{ [node]: { ok: 'rate limit disabled successfully' } }])
  expect(await caller.getAll(waiting)).toEqual([0, 1, 2, 3, 4, 5])
  expect(ran).toEqual([0, 1, 2, 3, 4, 5])
})
