import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseRedisUrl } from '../../../src/results/redis/redis-address.ts'
import { RedisConnection } from '../../../src/results/redis/redis-connection.ts'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { type RedisServer, startRedis } from '../../support/provision/redis.ts'
import type { LogRecord } from '../../support/twq-worker.ts'
import { Journal } from '../../support/until.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis({ durable: true })
})
afterAll(() => redis?.[Symbol.asyncDispose]())

interface Scene extends AsyncDisposable {
  readonly connection: RedisConnection
  readonly log: Journal<LogRecord>
}

function aConnection(url = redis.url, patience = 60_000): Scene {
  const log = new Journal<LogRecord>()
  const destination = { write: (line: string) => log.push(JSON.parse(line) as LogRecord) }
  const connection = new RedisConnection({
    address: parseRedisUrl(url),
    name: 'a test',
    patience,
    clock: systemClock,
    logger: createLogger({ level: 'debug', format: 'json', destination }),
  })
  return { connection, log, [Symbol.asyncDispose]: () => connection.stop({ deadline: AbortSignal.timeout(2_000) }) }
}

describe('a connection to Redis', () => {
  it('carries out a transaction and answers with its replies', async () => {
    await using scene = aConnection()
    await scene.connection.start()
    const replies = await scene.connection.multi([
      ['SETEX', 'a', 60, 'one'],
      ['ZADD', 'z', 2, 'two'],
      ['ZADD', 'z', '+inf', 'last'],
      ['ZCOUNT', 'z', '-inf', '+inf'],
      ['ZRANGE', 'z', 0, -1],
      ['GET', 'missing'],
    ])
    expect(replies).toEqual(['OK', 1, 1, 2, ['two', 'last'], null])
    expect(await scene.connection.mget(['a', 'missing'])).toEqual(['one', null])
  })

  it('holds calls while the server is away, carries them out when it returns, and tells of both', async () => {
    await using scene = aConnection()
    await scene.connection.start()
    await redis.stop()
    await scene.log.until(({ event }) => event === 'results.lost')
    const waiting = Promise.all([scene.connection.multi([['SET', 'b', 'kept']]), scene.connection.get('b')])
    await redis.start()
    expect(await waiting).toEqual([['OK'], expect.anything()])
    expect(await scene.log.until(({ event }) => event === 'results.back')).toMatchObject({ level: 'info' })
    expect(await scene.connection.get('b')).toBe('kept')
  })

  it('gives a call up when its time is over, and serves the next', async () => {
    await using proxy = await FaultProxy.before(redis.url)
    await using scene = aConnection(proxy.through(redis.url))
    await scene.connection.start()
    proxy.refuse()
    proxy.reset()
    await scene.log.until(({ event }) => event === 'results.lost')
    await expect(scene.connection.get('a', { within: 50 })).rejects.toMatchObject({ code: 'TWQ_RESULT_BACKEND' })
    proxy.heal()
    expect(await scene.connection.get('nothing')).toBeNull()
  })

  it('tries again what the server refuses for now', async () => {
    await using scene = aConnection()
    await using other = aConnection()
    await Promise.all([scene.connection.start(), other.connection.start()])
    await other.connection.call((client) => client.config('SET', 'maxmemory', '1'))
    const refused = scene.connection.multi([['SET', 'c', 'x']], { within: 200 })
    await expect(refused).rejects.toMatchObject({
      code: 'TWQ_RESULT_BACKEND',
      message: expect.stringMatching(/EXECABORT|OOM/),
    })
    const stored = scene.connection.multi([['SET', 'c', 'x']])
    await other.connection.call((client) => client.config('SET', 'maxmemory', '0'))
    expect(await stored).toEqual(['OK'])
  })

  it.each([
    ['a wrong password', 'redis://:wrong@', '/0', /WRONGPASS|AUTH/],
    ['a database that there is not', 'redis://', '/999', /DB index/],
  ])('is turned down for %s', async (_title, before, after, reason) => {
    await using guarded = await startRedis({ args: before.includes('wrong') ? ['--requirepass', 'right'] : [] })
    await using scene = aConnection(`${before}127.0.0.1:${guarded.port}${after}`)
    await expect(scene.connection.start()).rejects.toMatchObject({
      code: 'TWQ_RESULT_BACKEND_LOGIN',
      message: expect.stringMatching(reason),
    })
  })

  it('ends a start, and the calls that wait, when it is stopped', async () => {
    await using scene = aConnection('redis://127.0.0.1:1/0')
    const started = scene.connection.start()
    const call = scene.connection.get('a')
    await scene.log.until(({ event }) => event === 'results.lost')
    await Promise.all([
      expect(started).rejects.toMatchObject({ code: 'TWQ_CLOSED' }),
      expect(call).rejects.toMatchObject({ code: 'TWQ_CLOSED' }),
      scene.connection.stop({ deadline: AbortSignal.timeout(2_000) }),
    ])
  })
})
