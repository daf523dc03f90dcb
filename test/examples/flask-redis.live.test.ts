import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FlaskApp } from '../support/flask-app.ts'
import { type RedisServer, startRedis } from '../support/provision/redis.ts'
import { brokerUrl } from '../support/services.ts'
import { startTwqWorker, type TwqWorker } from '../support/twq-worker.ts'

const PROJECT = join(import.meta.dirname, '../..')

let spool: string
let redis: RedisServer
let worker: TwqWorker
let other: FlaskApp
beforeAll(async () => {
  spool = await mkdtemp(join(tmpdir(), 'twq-flask-'))
  redis = await startRedis()
  const application = FlaskApp.start({ RESULT_BACKEND: redis.url })
  worker = await startTwqWorker({
    project: PROJECT,
    env: { TWQ_BROKER: brokerUrl(), TWQ_RESULT_BACKEND: redis.url, SPOOL_DIR: spool, SMTP_URL: undefined },
  })
  other = await application
})
afterAll(async () => {
  await other?.[Symbol.asyncDispose]()
  await worker?.[Symbol.asyncDispose]()
  await redis?.[Symbol.asyncDispose]()
  await rm(spool, { recursive: true, force: true })
})

describe('the Flask example, with results in a Redis', () => {
  it('shows in one process how the tasks of another get on, also when that has gone', async () => {
    const sender = await FlaskApp.start({ RESULT_BACKEND: redis.url })
    const sum = await sender.send('add', { x: 2, y: 3 })
    const failure = await sender.send('process', { total: -1 })
    const success = { state: 'SUCCESS', ready: true, value: 5 }
    expect((await other.follow(sum)).at(-1)).toEqual(success)
    expect((await sender.follow(sum)).at(-1)).toEqual(success)
    expect((await other.follow(failure)).at(-1)).toEqual({
      state: 'FAILURE',
      ready: true,
      error: { type: 'ValueError', message: expect.stringContaining('total') },
    })

    // Long enough that the other process looks at it in time on a busy machine, too.
    const process = await sender.send('process', { total: 10 })
    await sender[Symbol.asyncDispose]()
    const seen = await other.follow(process)
    expect(seen.map(({ state }) => state)).toContain('PROGRESS')
    expect(seen.at(-1)).toEqual({ state: 'SUCCESS', ready: true, value: { current: 10, total: 10 } })

    await using again = await FlaskApp.start({ RESULT_BACKEND: redis.url })
    expect(await again.follow(sum)).toEqual([success])
  })
})
