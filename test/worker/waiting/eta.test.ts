import { describe, expect, it } from 'vitest'
import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { startTestWorker, type TestWorker, type TestWorkerOptions, until } from '../../../src/testing.ts'

const MINUTE = 60_000

/** A worker whose task `note` writes down which one ran, and how many minutes after the start. */
async function aNotingWorker(options: Omit<TestWorkerOptions, 'tasks'> = {}) {
  const clock = options.clock ?? new ManualClock(Date.now())
  const start = clock.now()
  const ran: [name: string, minute: number][] = []
  const note = defineTask({
    name: 'note',
    positional: ['name'],
    run: ({ name }: { name: string }) => void ran.push([name, (clock.now() - start) / MINUTE]),
  })
  const scene = await startTestWorker({ ...options, tasks: [note], clock })
  const send = (name: string, how: Parameters<TestWorker['client']['send']>[2] = {}) =>
    scene.client.send(note, { name }, how)
  return { scene, clock, ran, send, [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose]() }
}

describe('tasks with an eta', () => {
  it('start in the order of their times, whatever the order they came in', async () => {
    await using noting = await aNotingWorker()
    await noting.send('last', { countdown: '9m' })
    await noting.send('first', { countdown: '1m' })
    await noting.send('second', { eta: new Date(noting.clock.now() + 5 * MINUTE) })
    await noting.clock.pass('1h')
    expect(noting.ran).toEqual([
      ['first', 1],
      ['second', 5],
      ['last', 9],
    ])
  })

  it('keep no other task waiting, however many there are', async () => {
    await using noting = await aNotingWorker({ config: { concurrency: 1, prefetch: 1 } })
    for (let n = 0; n < 30; n += 1) await noting.send(`later ${n}`, { countdown: '5m' })
    const handle = await noting.send('now')
    expect(await until(noting.scene, 'settled', handle.id)).toMatchObject({ kind: 'succeeded' })
    expect(noting.ran).toEqual([['now', 0]])
    await noting.clock.pass('5m')
    expect(noting.ran).toHaveLength(31)
  })

  it('wait with the broker where the worker has no room for more, and run once, at their time', async () => {
    await using noting = await aNotingWorker({ config: { maxHeld: 3, delayedDelivery: 'always' } })
    await noting.clock.pass(0)
    for (let n = 0; n < 8; n += 1) await noting.send(String(n), { countdown: '4m' })
    await noting.clock.pass('239s')
    expect(noting.ran).toEqual([])
    // The broker counts whole seconds.
    await noting.clock.pass('2s')
    expect(noting.ran.map(([name]) => name).sort()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7'])
    await noting.clock.pass('1h')
    expect(noting.ran).toHaveLength(8)
  })

  it('that expire while they wait are revoked when their time comes', async () => {
    await using noting = await aNotingWorker()
    const handle = await noting.send('too late', { countdown: '5m', expires: '3m' })
    await noting.clock.pass('5m')
    expect(await until(noting.scene, 'settled', handle.id)).toMatchObject({ kind: 'revoked', reason: 'expired' })
    expect(noting.ran).toEqual([])
  })

  it('start within a minute when the machine has slept past their time', async () => {
    await using noting = await aNotingWorker()
    await noting.send('overslept', { countdown: '8m' })
    await noting.clock.pass('1s')
    noting.clock.jump(20 * MINUTE)
    await noting.clock.pass('1m')
    expect(noting.ran).toHaveLength(1)
  })

  it('go back when their worker leaves, and run in the next one at their time', async () => {
    const clock = new ManualClock(Date.now())
    const broker = createMemoryBroker({ clock })
    const first = await aNotingWorker({ broker, clock })
    await first.send('inherited', { countdown: '5m' })
    await clock.pass('1m')
    await first.scene.worker.stop('warm')
    expect(await first.scene.waiting()).toBe(1)
    await using second = await aNotingWorker({ broker, clock })
    await clock.pass('3m')
    expect(second.ran).toEqual([])
    await clock.pass('1m')
    expect(second.ran).toEqual([['inherited', 4]])
    await first[Symbol.asyncDispose]()
  })
})
