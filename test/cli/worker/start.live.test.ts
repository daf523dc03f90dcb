import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Client, createClient } from '../../../src/client/create-client.ts'
import { aProject } from '../../support/a-project.ts'
import { queueOnce, withChannel } from '../../support/raw-broker.ts'
import { runTwq } from '../../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { startTwqWorker } from '../../support/twq-worker.ts'

const TASKS = `import { defineTask } from 'twq'
export const quick = defineTask({ name: 'quick', run: () => 'ran' })
export const endless = defineTask({ name: 'endless', run: (_args, ctx) =>
  new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))) })
`

/** A project with a queue of its own, and a way to fill that. */
function aScene() {
  const queue = uniqueName('edges')
  const project = aProject({
    'worker.config.ts': `export default ${JSON.stringify({ broker: brokerUrl(), tasks: ['./tasks.ts'], queues: [queue] })}`,
    'tasks.ts': TASKS,
  })
  const send = async (name: string, count: number): Promise<void> => {
    const client: Client = createClient({ broker: brokerUrl(), queue })
    for (let n = 0; n < count; n += 1) await client.send(name, [])
    await client.close()
  }
  const start = (...args: string[]) => runTwq(['worker', 'start', ...args], { cwd: project.folder })
  return { queue, folder: project.folder, send, start, [Symbol.dispose]: () => project[Symbol.dispose]() }
}

const count = (log: string, event: string): number => log.split(`"event":"${event}"`).length - 1

describe('twq worker start', () => {
  it('--once runs what waits, and ends with 0', async () => {
    using scene = aScene()
    await scene.send('quick', 3)
    const { status, stderr } = await scene.start('--once')
    expect({ status, succeeded: count(stderr, 'task.succeeded') }).toEqual({ status: 0, succeeded: 3 })
    await queueOnce(scene.queue, ({ messages, consumers }) => messages === 0 && consumers === 0)
  })

  it('--max-tasks stops after that many', async () => {
    using scene = aScene()
    await scene.send('quick', 3)
    const { status, stderr } = await scene.start('--max-tasks', '2', '-c', '1')
    expect({ status, succeeded: count(stderr, 'task.succeeded') }).toEqual({ status: 0, succeeded: 2 })
    await queueOnce(scene.queue, ({ messages }) => messages === 1)
  })

  it('--purge drops what waits, but only when that is confirmed', async () => {
    using scene = aScene()
    await scene.send('quick', 3)
    const refused = await scene.start('--purge', '--once')
    expect(refused.status).toBe(2)
    expect(refused.stderr).toContain('--yes')
    const { status, stderr } = await scene.start('--purge', '--yes', '--once')
    expect({ status, succeeded: count(stderr, 'task.succeeded') }).toEqual({ status: 0, succeeded: 0 })
    expect(stderr).toMatch(/"event":"queue.purged","queue":"[^"]*","messages":3/)
  })

  it('--dry-run connects, tells what would be done, and declares nothing', async () => {
    using scene = aScene()
    const { status, stdout } = await scene.start('--dry-run')
    expect(status).toBe(0)
    expect(stdout).toContain(`queue   ${scene.queue}: would be declared\n`)
    expect(stdout).toContain('task    quick\n')
    const inspected = withChannel((channel) => channel.inspectQueue(scene.queue))
    await expect(inspected).rejects.toMatchObject({ code: 'TWQ_QUEUE_MISSING' })
    await scene.send('quick', 1)
    const plan = JSON.parse((await scene.start('--dry-run', '--json')).stdout)
    expect(plan).toMatchObject({ purge: false, queues: [{ name: scene.queue, messages: 1, consumers: 0 }] })
  })

  it('--dry-run --purge tells what would be dropped, and drops nothing', async () => {
    using scene = aScene()
    await scene.send('quick', 3)
    const { status, stdout } = await scene.start('--dry-run', '--purge')
    expect(status).toBe(0)
    expect(stdout).toContain(`queue   ${scene.queue}: 3 messages, which would be dropped, 0 consumers\n`)
    const plan = JSON.parse((await scene.start('--dry-run', '--discard', '--json')).stdout)
    expect(plan).toMatchObject({ purge: true, queues: [{ name: scene.queue, messages: 3 }] })
  })

  it('--pidfile keeps a second worker from starting, and --logfile takes the log', async () => {
    using scene = aScene()
    const pidfile = join(scene.folder, 'worker.pid')
    await using worker = await startTwqWorker({ project: scene.folder, args: ['--pidfile', pidfile] })
    expect(readFileSync(pidfile, 'utf8')).toBe(`${worker.program.pid}\n`)
    const logfile = join(scene.folder, 'second.log')
    const second = await scene.start('--pidfile', pidfile, '--logfile', logfile)
    expect(second.status).toBe(73)
    expect(second.stderr).toContain(`which still runs`)
    worker.signal('SIGTERM')
    await worker.exit
    expect(existsSync(pidfile)).toBe(false)
    const third = await scene.start('--pidfile', pidfile, '--logfile', logfile, '--once')
    expect(third).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(count(readFileSync(logfile, 'utf8'), 'worker.ready')).toBe(1)
  })

  it('tells on SIGUSR1 what it does, and runs the tasks that --include adds', async () => {
    using scene = aScene()
    using more = aProject({ 'more.ts': TASKS.replaceAll('quick', 'more').replaceAll('endless', 'still') })
    const args = ['-I', join(more.folder, '*.ts'), '-l', 'debug']
    await using worker = await startTwqWorker({ project: scene.folder, args })
    await scene.send('still', 1)
    await worker.until('task.received')
    worker.signal('SIGUSR1')
    expect(await worker.until('worker.report')).toMatchObject({
      ready: true,
      failing: [],
      consuming: [scene.queue],
      tasks: [{ task: 'still', state: 'active', running_ms: expect.any(Number) }],
    })
    worker.signal('SIGQUIT')
    expect((await worker.exit).code).toBe(1)
  })
})
