import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Program } from './program.ts'
import { python } from './provision/python.ts'
import { startCeleryWorker } from './python.ts'
import { PythonCaller, PythonError } from './python-caller.ts'
import { brokerUrl, celeryRelease } from './services.ts'

describe('Celery calling Celery over the broker of the tests', () => {
  let worker: Program
  let caller: PythonCaller

  beforeAll(async () => {
    const settings = { broker: brokerUrl() }
    worker = await startCeleryWorker(settings)
    caller = await PythonCaller.start(settings)
  })
  afterAll(async () => {
    await caller?.[Symbol.asyncDispose]()
    await worker?.[Symbol.asyncDispose]()
  })

  it('is of the release that the file runs with', async () => {
    const { celeryVersion } = await python(celeryRelease())
    expect(await caller.evaluate('__import__("celery").__version__')).toBe(celeryVersion)
  })

  it('gets the result of a task', async () => {
    expect(await caller.get(await caller.delay('add', [2, 3]))).toBe(5)
  })

  it('gets the exception of a task that fails', async () => {
    const failed = caller.get(await caller.sendTask('boom', ['no luck']))
    await expect(failed).rejects.toThrow(PythonError)
    await expect(failed).rejects.toMatchObject({ type: 'ValueError', message: 'no luck' })
  })

  it('sees every state on the way to the result', async () => {
    const seen = await caller.watch(await caller.delay('progress', [2]))
    expect(seen.map((message) => message.status)).toEqual(['STARTED', 'PROGRESS', 'PROGRESS', 'SUCCESS'])
  })

  it('evaluates what JSON can not say', async () => {
    expect(await caller.evaluate('repr(get(send_task("echo", [2**64, "x"])))')).toBe(
      "{'args': [18446744073709551616, 'x'], 'kwargs': {}}",
    )
  })

  it('finds the worker by remote control', async () => {
    expect(Object.values((await caller.inspect('ping')) ?? {})).toEqual([{ ok: 'pong' }])
  })
})
