import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { celeryMessage } from '../support/celery-message.ts'
import { Ledger, type Start, type Verdict } from '../support/ledger.ts'
import { cleanEnvironment, runTwq, TWQ } from '../support/run-twq.ts'
import { declareTyped, publishAll } from './poison-task.ts'
import { fresh, messagesIn, type Scene, startWorker, untilDrained } from './scene.ts'

/** What became of tasks that failed, and were run again by hand, while workers and the command were killed. */
export interface FailedTasksReport {
  /** Ids that `twq failed list` shows once all tasks have ended; an id that it shows twice counts twice. */
  readonly listed: number
  /** Those of them whose error is not their own. */
  readonly wrong: number
  /** Tasks that neither ended nor are listed. */
  readonly lost: number
  /** Of the failed tasks, once they were run again. */
  readonly verdict: Verdict
  /**
   * How many ran more often than once then, and how many of these for no reason: they were told of no earlier delivery, and were not
   * in the list after a kill of the command.
   */
  readonly again: number
  readonly unexplained: number
  /** Messages left in the queue and its failures at the very end. */
  readonly left: number
}

/** How many tasks there are, how many of them fail, and how often a worker, and then the command together with a worker, is killed. */
export interface FailedTasksSizes {
  readonly type: 'classic' | 'quorum'
  readonly tasks: number
  readonly failing: number
  readonly workerKills: number
  readonly commandKills: number
}

/**
 * Sends tasks of which some fail, and kills their worker outright as they run; then has `twq failed retry` run those again, and
 * kills the command and the worker as they do.
 */
export async function runFailedAgain(
  scene: Scene,
  { type, tasks, failing, workerKills, commandKills }: FailedTasksSizes,
): Promise<FailedTasksReport> {
  const queue = `failed-tasks-${type}-${Date.now()}`
  await declareTyped(scene.url, queue, type)
  const first = new Ledger(fresh(scene, 'ledger'))
  const setting = { queue, flags: ['--concurrency', '20'], env: { TWQ_MAX_STARTS: '100' } }
  let worker = await startWorker(scene, { ...setting, ledger: first.path })
  try {
    const every = Math.floor(tasks / failing)
    const messages = Array.from({ length: tasks }, (_, n) =>
      n % every === 0
        ? celeryMessage('acceptance.unlucky', [], 'nowhere')
        : celeryMessage('acceptance.work', [20], 'nowhere'),
    )
    const unlucky = new Set(messages.filter((_, n) => n % every === 0).map(({ id }) => id))
    await publishAll(scene.url, queue, messages)
    for (let kill = 1; kill <= workerKills; kill += 1) {
      const enough = Math.floor((tasks * kill) / (workerKills + 1))
      await first.until(({ starts }) => starts.length >= enough, `${enough} starts`)
      await worker.kill9()
      worker = await startWorker(scene, { ...setting, ledger: first.path })
    }
    await first.until(({ ended }) => ended.size >= tasks - failing, 'the end of those that succeed')
    await untilDrained(scene.url, queue)
    await worker.stop()
    const failures = await listedIn(scene, queue)
    const ids = new Set(failures.map(({ id }) => id))
    const lost = messages.filter(({ id }) => !first.ended.has(id) && !ids.has(id)).length
    const wrong = failures.filter(({ id, detail }) => !unlucky.has(id) || detail !== `no luck for ${id}`).length

    const second = new Ledger(fresh(scene, 'ledger'))
    await writeFile(`${second.path}.mended`, '')
    worker = await startWorker(scene, { ...setting, ledger: second.path })
    const stillListed = new Set<string>()
    for (let kill = 1; kill <= commandKills; kill += 1) {
      const command = retry(scene, queue)
      const enough = Math.floor((failing * kill) / (commandKills + 2))
      await second.until(({ starts }) => new Set(starts.map(({ id }) => id)).size >= enough, `${enough} starts`)
      command.kill('SIGKILL')
      await Promise.all([once(command, 'close'), worker.kill9()])
      for (const { id } of await listedIn(scene, queue)) stillListed.add(id)
      worker = await startWorker(scene, { ...setting, ledger: second.path })
    }
    await once(retry(scene, queue), 'close')
    await second.until(({ ended }) => ended.size >= failing, `the end of ${failing} tasks`)
    await untilDrained(scene.url, queue)
    await worker.stop()
    const again = idsTwiceIn(second.starts)
    const untold = idsTwiceIn(second.starts.filter(({ redelivered }) => !redelivered))
    return {
      listed: failures.length,
      wrong,
      lost,
      verdict: second.judge([...unlucky]),
      again: again.length,
      unexplained: untold.filter((id) => !stillListed.has(id)).length,
      left: (await messagesIn(scene.url, queue)) + (await messagesIn(scene.url, `${queue}.failed`)),
    }
  } finally {
    await worker[Symbol.asyncDispose]()
  }
}

function idsTwiceIn(starts: readonly Start[]): readonly string[] {
  const times = new Map<string, number>()
  for (const { id } of starts) times.set(id, (times.get(id) ?? 0) + 1)
  return [...times].filter(([, count]) => count > 1).map(([id]) => id)
}

/** Runs them again, slowly enough to be killed in the middle. */
function retry(scene: Scene, queue: string) {
  const args = [TWQ, 'failed', 'retry', '--queue', queue, '--rate', '30/s', '--broker', scene.url]
  return spawn(process.execPath, args, { env: cleanEnvironment(), stdio: 'ignore' })
}

async function listedIn(scene: Scene, queue: string): Promise<readonly { id: string; detail: string }[]> {
  const { stdout } = await runTwq(['failed', 'list', '--queue', queue, '--json', '--broker', scene.url])
  return JSON.parse(stdout)
}
