import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import type { RabbitNode } from '../support/provision/rabbit.ts'
import { type WorkerOptions, WorkerProcess } from '../support/worker-process.ts'
import { firstAnswer, fresh } from './scene.ts'

/** How long it took until the worker said that it is ready, in milliseconds. */
export interface StartUpReport {
  /** From `npx twq worker start` while the broker runs. */
  readonly afterCommand: number
  /** From the first answer of a broker that comes up while the worker tries to reach it. */
  readonly afterBroker: number
}

/** Starts the worker as the README says, with the project's own configuration. */
export async function startUp(node: RabbitNode, folder: string): Promise<StartUpReport> {
  const options = (): WorkerOptions => ({
    url: node.url(),
    config: resolve(import.meta.dirname, '../../worker.config.ts'),
    flags: ['--queues', `start-up-${randomUUID()}`],
    command: ['npx', 'twq'],
    log: fresh({ folder }, 'worker.log'),
  })

  const commandAt = Date.now()
  await using first = await WorkerProcess.start(options())
  const afterCommand = Date.now() - commandAt
  await first.kill9()

  await node.stop()
  await using second = WorkerProcess.spawn(options())
  await second.until('broker.retrying')
  const [answeredAt] = await Promise.all([firstAnswer(node.port), second.until('worker.ready'), node.startAgain()])
  return { afterCommand, afterBroker: Date.now() - answeredAt }
}
