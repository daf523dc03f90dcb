import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevBroker, startDevBroker } from '../../src/devbroker/server.ts'
import type { Program } from '../support/program.ts'
import { startCeleryWorker, startPython } from '../support/python.ts'
import { PythonCaller, PythonError } from '../support/python-caller.ts'

describe('Celery calling Celery over the embedded broker', () => {
  let broker: DevBroker
  let worker: Program
  let caller: PythonCaller

  beforeAll(async () => {
    broker = await startDevBroker()
    const settings = {
      broker: broker.url,
      env: { PYTHONPATH: fileURLToPath(new URL('./python', import.meta.url)) },
    }
    worker = await startCeleryWorker(settings, { args: ['-E', '-I', 'retrying'] })
    caller = await PythonCaller.start(settings)
  })
  afterAll(async () => {
    await caller?.[Symbol.asyncDispose]()
    await worker?.[Symbol.asyncDispose]()
    await broker?.stop()
  })

  it('gets results', async () => {
    expect(await caller.get(await caller.sendTask('add', [2, 3]))).toBe(5)
    const ids = await caller.sendMany(100, 'add', [1, 1])
    expect(await caller.getAll(ids)).toEqual(Array.from({ length: 100 }, () => 2))
  })

  it('gets exceptions', async () => {
    const failed = caller.get(await caller.sendTask('boom', ['no luck']))
    await expect(failed).rejects.toThrow(PythonError)
  })

  it('sees every state on the way', async () => {
    const seen = await caller.watch(await caller.delay('progress', [2]))
    expect(seen.map((message) => message.status)).toEqual(['STARTED', 'PROGRESS', 'PROGRESS', 'SUCCESS'])
  })

  it('passes headers and arguments that only Python has', async () => {
    const headers = { stamp: 2 ** 40, nested: { list: [1, null, 'x'] } }
    expect(await caller.get(await caller.sendTask('echo', ['é'], { headers }))).toEqual({ args: ['é'], kwargs: {} })
    const wide = "{'args': [18446744073709551616], 'kwargs': {}}"
    expect(await caller.evaluate('repr(get(send_task("echo", [2**64])))')).toBe(wide)
  })

  it('passes bodies of many frames', async () => {
    expect(await caller.evaluate('len(get(send_task("add", ["a" * 500000, "b" * 500000])))')).toBe(1_000_000)
  })

  it('runs a task with a countdown', async () => {
    expect(await caller.get(await caller.sendTask('add', [1, 1], { countdown: 0.3 }))).toBe(2)
  })

  it('retries', async () => {
    expect(await caller.get(await caller.sendTask('retrying', [2]))).toBe(2)
  })

  it('inspects', async () => {
    const [name] = Object.keys((await caller.inspect('ping')) ?? {})
    expect(await caller.inspect('active')).toEqual({ [name as string]: [] })
    expect(Object.keys((await caller.inspect('stats')) ?? {})).toEqual([name])
    expect(
      await caller.broadcast('rate_limit', { arguments: { task_name: 'add', rate_limit: '100/s' } }),
    ).toMatchObject([{ [name as string]: { ok: expect.any(String) } }])
  })

  it('watches events', async () => {
    await using events = await startPython(['-m', 'celery', '-A', 'proj', 'events', '--dump'], { broker: broker.url })
    await events.until('starting capture')
    await events.until('heartbeat')
    await caller.get(await caller.sendTask('add', [2, 2]))
    await events.until('task succeeded')
  })
})
