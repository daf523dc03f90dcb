import { expect, it } from 'vitest'
import { startCeleryWorker } from '../../support/python.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { startTwqWorker } from '../../support/twq-worker.ts'

const TASKS = `
import { defineTask } from 'twq'
export const endless = defineTask({ name: 'endless', run: () => new Promise(() => {}) })
`

it.each(['async', 'threads'])(
  '--autoscale 3,1 has the %s pool grow for tasks that wait, as Celery tells it',
  async (pool) => {
    const queue = uniqueName('scaled')
    const node = `${queue}@test`
    await using caller = await PythonCaller.start({ broker: brokerUrl(), queue })
    await using worker = await startTwqWorker({
      tasks: TASKS,
      broker: brokerUrl(),
      args: ['-P', pool, '-Q', queue, '-n', node, '--autoscale', '3,1'],
    })
    const ask = async (command: string, args: object = {}): Promise<unknown> => {
      const [reply] = await caller.broadcast(command, { arguments: args, destination: [node], limit: 1, timeout: 60 })
      return reply?.[node]
    }
    expect(await ask('stats')).toMatchObject({
      autoscaler: { max: 3, min: 1, current: 1, qty: 0 },
      pool: { 'max-concurrency': 1 },
      prefetch_count: 3,
    })

    await caller.sendMany(4, 'endless')
    await worker.until('pool.resized', { size: 3 })
    expect(await ask('stats')).toMatchObject({ autoscaler: { max: 3, min: 1, current: 3, qty: 3 }, prefetch_count: 3 })

    expect(await ask('autoscale', { max: 4, min: 2 })).toEqual({ ok: 'autoscale now max=4 min=2' })
    await worker.until('pool.resized', { size: 4 })
    expect(await ask('stats')).toMatchObject({ autoscaler: { max: 4, min: 2, current: 4, qty: 4 }, prefetch_count: 4 })
    expect(await ask('active')).toHaveLength(4)
  },
)

it('answers changes of the pool as Python’s worker with autoscale does', async () => {
  const [ours, theirs] = [uniqueName('scaled'), uniqueName('python')]
  const settings = { broker: brokerUrl(), queue: theirs }
  await using caller = await PythonCaller.start(settings)
  await using _python = await startCeleryWorker(settings, {
    pool: 'prefork',
    args: ['--hostname', `${theirs}@test`, '--autoscale', '3,1'],
  })
  await using _worker = await startTwqWorker({
    broker: brokerUrl(),
    args: ['-Q', ours, '-n', `${ours}@test`, '--autoscale', '3,1'],
    tasks: TASKS,
  })
  for (const [command, args] of [
    ['pool_grow', { n: 1 }],
    ['pool_shrink', { n: 1 }],
    ['autoscale', { max: 5, min: 1 }],
    ['autoscale', { max: 4 }],
    ['autoscale', { min: 2 }],
    ['autoscale', {}],
    ['autoscale', { top: 1 }],
  ] as const) {
    const replies = await caller.broadcast(command, {
      arguments: args,
      destination: [`${ours}@test`, `${theirs}@test`],
      limit: 2,
      timeout: 60,
    })
    const byNode = Object.assign({}, ...replies)
    expect(byNode[`${ours}@test`], command).toEqual(byNode[`${theirs}@test`])
  }
})
