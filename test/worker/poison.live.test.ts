import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import { declareWithCompanions } from '../../src/client/queue-access.ts'
import { plainQueue } from '../../src/protocol/task-queue.ts'
import { observe } from '../acceptance/observer.ts'
import { openScene } from '../acceptance/open-scene.ts'
import { fresh, messagesIn, runPython, type Scene, spawnWorker, startWorker } from '../acceptance/scene.ts'
import { Ledger } from '../support/ledger.ts'
import { uniqueName } from '../support/services.ts'

async function declare(scene: Scene, queue: string, type: 'classic' | 'quorum'): Promise<void> {
  await using connection = await amqpBroker({ url: scene.url, heartbeat: 10_000, name: 'declare' }).connect()
  const args = type === 'quorum' ? { 'x-queue-type': 'quorum' } : {}
  await declareWithCompanions(connection, { ...plainQueue(queue), arguments: args })
}

async function send(
  scene: Scene,
  queue: string,
  type: string,
  task: string,
  count: number,
  ...args: string[]
): Promise<string[]> {
  return (await runPython(scene, 'send_many.py', scene.url, `${queue}=${type}`, task, String(count), ...args))
    .trim()
    .split('\n')
}

describe.each(['classic', 'quorum'] as const)('on a %s queue', (type) => {
  it('starts a task that kills its worker three times, and every neighbour of it to its end', async () => {
    await using scene = await openScene()
    const queue = uniqueName('killer')
    await declare(scene, queue, type)
    await using seen = await observe(scene.url, queue, uniqueName('replies'))
    const ledger = new Ledger(fresh(scene, 'ledger'))
    const before = await send(scene, queue, type, 'acceptance.work', 100, '20')
    const [killer] = await send(scene, queue, type, 'acceptance.die', 1)
    const neighbours = [...before, ...(await send(scene, queue, type, 'acceptance.work', 100, '20'))]

    const setting = { queue, ledger: ledger.path, flags: ['--prefetch', '40'] }
    const over = (): boolean => seen.setAside.length > 0 && ledger.ended.size >= neighbours.length
    let deaths = -1
    for (let done = false; !done; deaths += 1) {
      await using worker = spawnWorker(scene, setting)
      const finished = Promise.all([
        seen.until(() => seen.setAside.length > 0, 100_000),
        ledger.until(({ ended }) => ended.size >= neighbours.length, 'every neighbour to end', 100_000),
      ])
      finished.catch(() => {})
      await Promise.race([worker.ended(), finished])
      done = over()
    }

    expect(ledger.starts.filter(({ id }) => id === killer)).toMatchObject([
      { redelivered: false },
      { redelivered: true },
      { redelivered: true },
    ])
    expect(deaths).toBe(3)
    expect(seen.setAside.map(({ reason, correlationId }) => [reason, correlationId])).toEqual([
      ['WorkerLostError', killer],
    ])
    expect(ledger.judge(neighbours).lost).toEqual([])
    expect(ledger.judge([...neighbours, killer as string]).unexplained).toEqual([])
  })

  it('never quarantines a message that was only prefetched, through five deploys in a row', async () => {
    await using scene = await openScene()
    const queue = uniqueName('deploys')
    await declare(scene, queue, type)
    await using seen = await observe(scene.url, queue, uniqueName('replies'))
    const ledger = new Ledger(fresh(scene, 'ledger'))
    const sent = await send(scene, queue, type, 'acceptance.wait', 30)

    const flags = ['--concurrency', '1', '--prefetch', '40', '--shutdown-timeout', '0s']
    for (const [index, deploy] of (['SIGTERM', 'SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGTERM'] as const).entries()) {
      await using worker = await startWorker(scene, { queue, ledger: ledger.path, flags })
      await ledger.until(({ starts }) => starts.length > index, 'another start')
      if (deploy === 'SIGKILL') await worker.kill9()
      else expect(await worker.stop()).toBe(1)
    }
    expect(ledger.starts).toHaveLength(5)
    writeFileSync(`${ledger.path}.open`, '')
    await using _last = await startWorker(scene, { queue, ledger: ledger.path, flags })
    await ledger.until(({ ended }) => ended.size >= sent.length, 'every task to end')

    expect(ledger.judge(sent)).toMatchObject({ lost: [], unexplained: [], extraStarts: 5 })
    expect(seen.setAside).toEqual([])
    expect(await messagesIn(scene.url, queue)).toBe(0)
  })
})
