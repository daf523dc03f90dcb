import { expect, it } from 'vitest'
import { chord } from '../../../src/canvas/chord.ts'
import { signature } from '../../../src/canvas/signature.ts'
import { createClient } from '../../../src/client/create-client.ts'
import { JOIN_QUEUE } from '../../../src/protocol/chord/queued-chord.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { startCluster } from '../../support/provision/rabbit-cluster.ts'
import { uniqueName } from '../../support/services.ts'
import { pollUntil } from '../../support/until.ts'

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })
const total = defineTask({
  name: 'total',
  positional: ['numbers'],
  run: ({ numbers }: { numbers: readonly number[] }) => numbers.reduce((sum, number) => sum + number, 0),
})

it('a chord of tasks in quorum queues is joined though the node of its queue is killed', async () => {
  await using cluster = await startCluster(3)
  const [tasks, late] = [uniqueName('tasks'), uniqueName('late')].map((name) => ({ name, type: 'quorum' as const }))
  if (tasks === undefined || late === undefined) throw new Error('two queues')
  const settings = { broker: cluster.url(), queues: [tasks] }
  await using first = await aWorker([add, total], settings)
  await using client = createClient({ broker: cluster.url(), queue: tasks.name, queues: [tasks, late] })
  const header = [signature(add, [1, 1]), signature(add, [2, 2], { queue: late.name })]
  const handle = await client.send(chord(header, signature(total).set({ queue: tasks.name })))
  await first.log.until(({ event, task }) => event === 'task.succeeded' && task === 'add')
  await first.logged('chord.held')
  await pollUntil(
    'all members',
    () => cluster.membersUp(JOIN_QUEUE),
    (members) => members === 3,
  )
  const home = await cluster.homeOf(JOIN_QUEUE)
  await home.kill9()
  await using _others = await aWorker([add], { broker: cluster.url(), queues: [late] })
  expect(await handle.result({ timeout: '120s' })).toBe(6)
})
