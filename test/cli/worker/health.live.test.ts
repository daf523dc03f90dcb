import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { aProject } from '../../support/a-project.ts'
import { runTwq } from '../../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { startTwqWorker } from '../../support/twq-worker.ts'

const TASKS = `import { defineTask } from 'twq'
export const task = defineTask({ name: 'task', run: () => new Promise(() => {}) })
`

/** Where this test's workers, and no others, are looked for. */
let runtime: string

beforeEach(() => {
  runtime = mkdtempSync(join(tmpdir(), 'twq-run-'))
})

afterEach(() => rmSync(runtime, { recursive: true }))

function aWorkerHere(args: readonly string[] = [], env: Record<string, string> = {}) {
  const config = { queues: [uniqueName('health')] }
  return startTwqWorker({
    tasks: TASKS,
    config,
    broker: brokerUrl(),
    args,
    env: { XDG_RUNTIME_DIR: runtime, ...env },
  })
}

/** Asked in a folder whose configuration can't be loaded, as nothing of it is needed. */
async function health(...args: string[]) {
  using project = aProject({ 'worker.config.ts': 'throw new Error("this is not loaded")' })
  return await runTwq(['worker', 'health', ...args], {
    cwd: project.folder,
    env: { XDG_RUNTIME_DIR: runtime, TMPDIR: runtime },
  })
}

describe('twq worker health', () => {
  it('ends with 0 while the worker consumes, with 1 while it drains, and with 69 when it has gone', async () => {
    await using worker = await aWorkerHere(['-n', 'some@where'])
    expect(await health()).toEqual({ status: 0, stdout: 'some@where is ready\n', stderr: '' })
    expect(await health('--live')).toEqual({ status: 0, stdout: 'some@where is live\n', stderr: '' })
    expect((await health('--started', '-q')).stdout).toBe('')
    expect(JSON.parse((await health('--ready', '--json')).stdout)).toEqual({
      ready: true,
      workers: [{ node: 'some@where', pid: worker.program.pid, failing: [] }],
    })
    worker.signal('SIGTERM')
    await worker.exit
    const gone = await health()
    expect({ status: gone.status, stdout: gone.stdout }).toEqual({ status: 69, stdout: '' })
    expect(gone.stderr).toContain('TWQ_NO_WORKER')
  })

  it('says what fails', async () => {
    await using worker = await aWorkerHere()
    await runTwq([
      'task',
      'send',
      'task',
      '-b',
      brokerUrl(),
      '--queue',
      String((await worker.until('worker.ready')).queues),
    ])
    worker.signal('SIGTERM')
    await worker.until('worker.draining')
    const { status, stdout } = await health('--ready')
    expect(status).toBe(1)
    expect(stdout).toMatch(/ is not ready\n {2}draining: the worker is stopping\n/)
    expect((await health('--live')).status).toBe(0)
  })

  it('says so when a worker hangs', async () => {
    await using worker = await aWorkerHere()
    worker.signal('SIGSTOP')
    const { status, stdout } = await health('--live', '--timeout', '500ms')
    expect(status).toBe(1)
    expect(stdout).toMatch(/^a worker is not live\n {2}answer: no answer within 500 ms from .*\.sock\n$/)
    worker.signal('SIGCONT')
    expect((await health('--live', '--timeout', '1m')).status).toBe(0)
  })

  it('wants to know which one where there are several', async () => {
    await using _first = await aWorkerHere(['-n', 'one@h'])
    await using _second = await aWorkerHere(['-n', 'two@h'])
    const { status, stderr } = await health()
    expect(status).toBe(2)
    expect(stderr).toContain('several workers run here: one@h, two@h')
    expect((await health('--node', 'two@h')).stdout).toBe('two@h is ready\n')
    expect((await health('-n', 'three@h')).status).toBe(69)
  })

  it('asks by address, too', async () => {
    await using worker = await aWorkerHere(['--health', '127.0.0.1:0', '-n', 'a@h'])
    const { port } = await worker.until('health.listening')
    expect(await health('--address', `127.0.0.1:${port}`)).toEqual({ status: 0, stdout: 'a@h is ready\n', stderr: '' })
    expect((await health('--address', '127.0.0.1:1')).status).toBe(69)
    expect((await health('--address', 'nonsense')).status).toBe(2)
  })
})

describe('a worker whose address for probes is taken', () => {
  it('does not start, and says why', async () => {
    await using worker = await aWorkerHere(['--health', '127.0.0.1:0'])
    const { port } = await worker.until('health.listening')
    const { status, stderr } = await runTwq(['worker', 'start', '--health', `127.0.0.1:${port}`], {
      cwd: join(import.meta.dirname, '../../..'),
    })
    expect(status).toBe(78)
    expect(stderr).toContain('TWQ_HEALTH_ADDRESS')
    expect(stderr).toContain(`127.0.0.1:${port}`)
  })
})
