import { writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { observe } from '../../acceptance/observer.ts'
import { openScene } from '../../acceptance/open-scene.ts'
import { declareTyped, publishAll } from '../../acceptance/poison-task.ts'
import { fresh, messagesIn, startWorker, untilDrained } from '../../acceptance/scene.ts'
import { celeryMessage } from '../../support/celery-message.ts'
import { Ledger } from '../../support/ledger.ts'
import { uniqueName } from '../../support/services.ts'

// Two kills make suspects of all that the workers held; the third ends a worker beside one that runs alone.
const DEPLOYS = ['SIGTERM', 'SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGTERM'] as const

it.concurrent.each(['classic', 'quorum'] as const)(
  'five deploys in a row condemn nothing that workers held, or ran, on a %s queue',
  async (type) => {
    await using scene = await openScene()
    const queue = uniqueName('deploys')
    await declareTyped(scene.url, queue, type)
    await using seen = await observe(scene.url, { queue, replies: uniqueName('replies') })
    const ledger = new Ledger(fresh(scene, 'ledger'))
    const messages = Array.from({ length: 30 }, () => celeryMessage('acceptance.wait', [], ''))
    await publishAll(scene.url, queue, messages)

    const flags = ['--concurrency', '1', '--prefetch', '40', '--shutdown-timeout', '0s']
    for (const [index, deploy] of DEPLOYS.entries()) {
      await using worker = await startWorker(scene, { queue, ledger: ledger.path, flags })
      await ledger.until(({ starts }) => starts.length > index, 'another start')
      if (deploy === 'SIGKILL') await worker.kill9()
      else expect(await worker.stop()).toBe(1)
    }
    expect(ledger.starts).toHaveLength(5)
    writeFileSync(`${ledger.path}.open`, '')
    await using _last = await startWorker(scene, { queue, ledger: ledger.path, flags })
    await ledger.until(({ ended }) => ended.size >= messages.length, 'every task to end')
    await untilDrained(scene.url, queue)

    const sent = messages.map(({ id }) => id)
    expect(ledger.judge(sent)).toMatchObject({ lost: [], unexplained: [], extraStarts: 5 })
    expect(seen.setAside).toEqual([])
    expect(await messagesIn(scene.url, `${queue}.suspects`)).toBe(0)
  },
)
