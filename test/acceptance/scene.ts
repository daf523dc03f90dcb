import { randomUUID } from 'node:crypto'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import amqp from 'amqplib'
import { answersAmqp } from '../support/provision/amqp-port.ts'
import { run } from '../support/provision/command.ts'
import type { Python } from '../support/provision/python.ts'
import { type WorkerOptions, WorkerProcess } from '../support/worker-process.ts'

/** Where an acceptance scenario takes place. */
export interface Scene {
  readonly url: string
  /** For ledgers and logs. */
  readonly folder: string
  readonly python: Python
}

/** How a scenario starts a worker. */
export interface WorkerSetting {
  readonly queue: string
  readonly ledger?: string
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** A worker with the acceptance tasks and the example tasks; resolves when it consumes. */
export function startWorker(scene: Pick<Scene, 'url' | 'folder'>, setting: WorkerSetting): Promise<WorkerProcess> {
  return WorkerProcess.start(workerOptions(scene, setting))
}

/** The same without waiting: for one that may die of its first task before it has said that it is ready. */
export function spawnWorker(scene: Pick<Scene, 'url' | 'folder'>, setting: WorkerSetting): WorkerProcess {
  return WorkerProcess.spawn(workerOptions(scene, setting))
}

function workerOptions(scene: Pick<Scene, 'url' | 'folder'>, setting: WorkerSetting): WorkerOptions {
  return {
    url: scene.url,
    config: resolve(import.meta.dirname, 'app/worker.config.ts'),
    flags: ['--queues', setting.queue, ...(setting.flags ?? [])],
    env: { SPOOL_DIR: join(scene.folder, 'spool'), ...(setting.ledger && { LEDGER: setting.ledger }), ...setting.env },
    log: fresh(scene, 'worker.log'),
  }
}

/** The path of a file of its own in the scene's folder. */
export function fresh({ folder }: Pick<Scene, 'folder'>, name: string): string {
  return join(folder, `${randomUUID()}-${name}`)
}

/** Runs one of the programs in python/; resolves with what it printed. */
export function runPython({ python }: Pick<Scene, 'python'>, script: string, ...args: string[]): Promise<string> {
  return run(python.command, [pythonScript(script), ...args], { env: { ...process.env, ...python.env } })
}

export function pythonScript(name: string): string {
  return resolve(import.meta.dirname, 'python', name)
}

/** How many messages are ready in a queue. */
export async function messagesIn(url: string, queue: string): Promise<number> {
  const connection = await amqp.connect(url)
  try {
    const channel = await connection.createChannel()
    return (await channel.checkQueue(queue)).messageCount
  } finally {
    await connection.close()
  }
}

/**
 * Resolves when a queue stays empty: after the last task has ended, copies of messages that came back with a lost
 * connection may still be on their way to its end.
 */
export async function untilDrained(url: string, queue: string): Promise<void> {
  for (let empty = 0; empty < 5; ) {
    empty = (await messagesIn(url, queue)) === 0 ? empty + 1 : 0
    await sleep(100)
  }
}

/** The moment, in milliseconds since the epoch, at which a broker that is starting first answers on its port. */
export async function firstAnswer(port: number): Promise<number> {
  while (!(await answersAmqp(port))) await sleep(10)
  return Date.now()
}
