import { expect, it } from 'vitest'
import { observe } from '../../acceptance/observer.ts'
import { openScene } from '../../acceptance/open-scene.ts'
import { declareTyped, publishAll } from '../../acceptance/poison-task.ts'
import { fresh, messagesIn, startWorker, untilDrained } from '../../acceptance/scene.ts'
import { celeryMessage } from '../../support/celery-message.ts'
import { Ledger } from '../../support/ledger.ts'
import { uniqueName } from '../../support/services.ts'

const KILLS = 10

it('loses none of 500 tasks when the kernel kills processes of its pool, without any setting', async () => {
  await using scene = await openScene()
  const queue = uniqueName('killed-members')
  await declareTyped(scene.url, queue, 'classic')
  await using seen = await observe(scene.url, { queue, replies: uniqueName('replies') })
  const ledger = new Ledger(fresh(scene, 'ledger'))
  const messages = Array.from({ length: 500 }, () => celeryMessage('acceptance.work', [20], ''))
  await publishAll(scene.url, queue, messages)

  const flags = ['--pool', 'processes', '--concurrency', '4', '--prefetch', '40']
  await using worker = await startWorker(scene, { queue, ledger: ledger.path, flags })
  for (let kill = 1; kill <= KILLS; kill += 1) {
    await ledger.until(({ ended }) => ended.size >= kill * 30, 'more tasks to end')
    const running = ledger.starts.findLast(({ id, redelivered }) => !redelivered && !ledger.ended.has(id))
    if (running !== undefined) kill9(running.pid)
  }
  await ledger.until(({ ended }) => ended.size >= messages.length, 'every task to end')
  await untilDrained(scene.url, queue)

  expect(worker.count('pool.member-gone')).toBeGreaterThan(0)
  expect(worker.running).toBe(true)
  expect(ledger.judge(messages.map(({ id }) => id))).toMatchObject({ lost: [], phantom: [], unexplained: [] })
  expect(seen.setAside).toEqual([])
  expect(await messagesIn(scene.url, queue)).toBe(0)
})

/** Perhaps it has gone by itself just now. */
function kill9(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
