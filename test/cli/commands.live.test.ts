import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { aProject, type Project } from '../support/a-project.ts'
import { cleanEnvironment, type Finished, runTwq } from '../support/run-twq.ts'
import { brokerUrl } from '../support/services.ts'

const TASKS = `
import { setTimeout as sleep } from 'node:timers/promises'
import { defineTask } from 'twq'
export const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })
export const fail = defineTask({ name: 'fail', run() { throw new RangeError('no good') } })
export const block = defineTask({
  name: 'block',
  async run(_args: {}, ctx) {
    ctx.log.info({ event: 'blocking' }, 'blocking')
    await sleep(3_600_000, undefined, { signal: ctx.signal })
  },
})
export const ignoreSignals = defineTask({
  name: 'ignore_signals',
  async run(_args: {}, ctx) {
    ctx.log.info({ event: 'blocking' }, 'blocking')
    await sleep(3_600_000)
  },
})`

const CONFIG = `
import { defineConfig } from 'twq'
export default defineConfig({ tasks: ['./tasks.ts'], shutdown: { grace: '1h', abort: '1h' } })`

/** A worker in a process of its own, on a queue of its own. */
class RunningWorker implements AsyncDisposable {
  readonly node: string
  readonly #project: Project
  readonly #child: ChildProcess
  readonly #records: AsyncIterator<string>
  readonly #env: Readonly<Record<string, string>>

  private constructor(env: Readonly<Record<string, string>>) {
    const queue = `cli-${randomUUID()}`
    this.node = `${queue}@test`
    this.#project = aProject({ 'worker.config.ts': CONFIG, 'tasks.ts': TASKS })
    this.#env = { ...env, TWQ_BROKER: brokerUrl(), TWQ_QUEUES: queue, TWQ_NODE_NAME: this.node }
    const twq = fileURLToPath(new URL('../../bin/twq.js', import.meta.url))
    this.#child = spawn(process.execPath, [twq, 'worker', 'start'], {
      cwd: this.#project.folder,
      env: { ...cleanEnvironment(), ...this.#env },
      stdio: ['ignore', 'inherit', 'pipe'],
    })
    this.#records = createInterface({ input: this.#child.stderr as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  }

  static async start(env: Readonly<Record<string, string>> = {}): Promise<RunningWorker> {
    const worker = new RunningWorker(env)
    await worker.logged('worker.ready')
    return worker
  }

  /** Reads its log up to the next record of an event. */
  async logged(event: string): Promise<Record<string, unknown>> {
    for (let line = await this.#records.next(); !line.done; line = await this.#records.next()) {
      const record = JSON.parse(line.value) as Record<string, unknown>
      if (record.event === event) return record
    }
    throw new Error(`the worker ended before ${event}`)
  }

  /** Runs another command beside it, with the same configuration. */
  twq(...args: string[]): Promise<Finished> {
    return runTwq(args, { cwd: this.#project.folder, env: this.#env })
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null) await once(this.#child, 'close')
    return this.#child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended()
    this.#project[Symbol.dispose]()
  }
}

it('runs what task send sends, and brings back results and errors', async () => {
  await using worker = await RunningWorker.start()
  expect(await worker.twq('task', 'send', 'add', '[1, 2]', '--wait')).toEqual({ status: 0, stdout: '3\n', stderr: '' })
  expect((await worker.twq('task', 'send', 'add', '{"x": 1, "y": 2}', '--wait')).stdout).toBe('3\n')
  const sent = await worker.twq('task', 'send', 'add', '[1, 2]', '--task-id', 'given')
  expect(sent).toEqual({ status: 0, stdout: 'given\n', stderr: '' })

  const failed = await worker.twq('task', 'send', 'fail', '--wait')
  expect({ ...failed, stderr: '' }).toEqual({ status: 1, stdout: '', stderr: '' })
  expect(failed.stderr).toContain('RangeError: no good\n    at ')
  expect(failed.stderr).toContain('error[TWQ_TASK_FAILED]: fail[')

  const late = await worker.twq('task', 'send', 'block', '--wait', '--timeout', '200ms')
  expect(late.status).toBe(124)
  expect(late.stderr).toContain('error[TWQ_RESULT_TIMEOUT]')
})

it('lists what runs, and who is there', async () => {
  await using worker = await RunningWorker.start()
  await worker.twq('task', 'send', 'block', '--task-id', 'blocked')
  await worker.logged('blocking')
  const { node } = worker
  const active = await worker.twq('inspect', 'active', '-d', node, '--json')
  expect(active.status).toBe(0)
  expect(JSON.parse(active.stdout)).toMatchObject({ [node]: [{ id: 'blocked', name: 'block' }] })
  expect((await worker.twq('inspect', 'active', '-d', node)).stdout).toMatch(/^NODE .*\ncli-\S+@test +blocked +block /)
  expect(JSON.parse((await worker.twq('inspect', 'ping', '-d', node, '--json')).stdout)).toEqual({
    [node]: { ok: 'pong' },
  })

  const nobody = await worker.twq('inspect', 'ping', '-d', 'nobody@nowhere', '-t', '300ms')
  expect({ ...nobody, stderr: '' }).toEqual({ status: 69, stdout: '', stderr: '' })
  expect(nobody.stderr).toContain('error[TWQ_NO_WORKER]: none of nobody@nowhere answered')
})

it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s when nothing runs', async (signal) => {
  await using worker = await RunningWorker.start()
  worker.signal(signal)
  expect(await worker.logged('worker.signal')).toMatchObject({ signal, stop: 'warm' })
  expect(await worker.logged('worker.stopped')).toMatchObject({ node: worker.node })
  expect(await worker.ended()).toBe(0)
})

it('aborts what runs on a second signal, and ends with 1', async () => {
  await using worker = await RunningWorker.start()
  await worker.twq('task', 'send', 'block')
  await worker.logged('blocking')
  worker.signal('SIGTERM')
  expect(await worker.logged('worker.draining')).toMatchObject({ node: worker.node })
  worker.signal('SIGTERM')
  expect(await worker.logged('worker.signal')).toMatchObject({ stop: 'cold' })
  expect(await worker.ended()).toBe(1)
})

it('drains on SIGHUP, for its supervisor to start it anew, and does not skip ahead on another', async () => {
  await using worker = await RunningWorker.start()
  await worker.twq('task', 'send', 'block')
  await worker.logged('blocking')
  worker.signal('SIGHUP')
  expect(await worker.logged('worker.signal')).toMatchObject({ signal: 'SIGHUP', stop: 'warm' })
  await worker.logged('worker.draining')
  worker.signal('SIGHUP')
  worker.signal('SIGTERM')
  expect(await worker.logged('worker.signal')).toMatchObject({ signal: 'SIGTERM', stop: 'cold' })
  expect(await worker.ended()).toBe(1)
})

it('aborts what runs on the first SIGTERM where REMAP_SIGTERM says so, as Celery does', async () => {
  await using worker = await RunningWorker.start({ REMAP_SIGTERM: 'SIGQUIT' })
  await worker.twq('task', 'send', 'block')
  await worker.logged('blocking')
  worker.signal('SIGTERM')
  expect(await worker.logged('worker.signal')).toMatchObject({ signal: 'SIGTERM', stop: 'cold' })
  expect(await worker.ended()).toBe(1)
})

it('leaves at once on a third, even when a task ignores everything', async () => {
  await using worker = await RunningWorker.start()
  await worker.twq('task', 'send', 'ignore_signals')
  await worker.logged('blocking')
  for (const stop of ['warm', 'cold', 'now']) {
    worker.signal('SIGTERM')
    expect(await worker.logged('worker.signal')).toMatchObject({ stop })
  }
  expect(await worker.ended()).toBe(143)
})
