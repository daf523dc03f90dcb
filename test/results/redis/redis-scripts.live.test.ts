import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ResultRecord } from '../../../src/protocol/result-record.ts'
import { parseRedisUrl } from '../../../src/results/redis/redis-address.ts'
import { RedisConnection } from '../../../src/results/redis/redis-connection.ts'
import { type RedisKeys, redisKeys } from '../../../src/results/redis/redis-keys.ts'
import { RedisResults } from '../../../src/results/redis/redis-results.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { type RedisServer, startRedis } from '../../support/provision/redis.ts'
import { uniqueName } from '../../support/services.ts'

let redis: RedisServer
let open: RedisConnection
beforeAll(async () => {
  redis = await startRedis()
  open = await connected(redis.url)
  await open.call((client) =>
    client.call('ACL', 'SETUSER', 'plain', 'on', '>secret', '~*', '&*', '+@all', '-@scripting'),
  )
})
afterAll(async () => {
  await open?.stop({ deadline: AbortSignal.timeout(2_000) })
  await redis?.[Symbol.asyncDispose]()
})

async function connected(url: string): Promise<RedisConnection> {
  const connection = new RedisConnection({
    address: parseRedisUrl(url),
    name: 'a test',
    patience: 10_000,
    clock: systemClock,
  })
  await connection.start()
  return connection
}

describe.each([
  ['a server that takes scripts', (url: string) => url],
  ['a user who may call none', (url: string) => url.replace('//', '//plain:secret@')],
])('the state of a task, with %s,', (_who, urlOf) => {
  let connection: RedisConnection
  let results: RedisResults
  let keys: RedisKeys
  beforeAll(async () => {
    connection = await connected(urlOf(redis.url))
    keys = redisKeys()
    results = new RedisResults({ connection, keys, expires: 60_000, extended: false, node: 'n', clock: systemClock })
  })
  afterAll(() => connection.stop({ deadline: AbortSignal.timeout(2_000) }))

  const success = (taskId: string, result: number): ResultRecord => ({
    taskId,
    state: 'SUCCESS',
    result,
    traceback: null,
    children: [],
  })
  const store = (record: ResultRecord) =>
    results.store(record, { id: record.taskId, replyTo: '', correlationId: record.taskId })
  const read = async (id: string) => (await results.read([id]))[0]

  it('is stored for its time, and published once', async () => {
    const id = uniqueName('id')
    const listener = await open.call(async (client) =>
      client.duplicate({ lazyConnect: false, enableOfflineQueue: true }),
    )
    const heard: string[] = []
    listener.on('message', (_channel, text) => heard.push(text))
    await listener.subscribe(keys.task(id))
    expect(await store(success(id, 1))).toBe('stored')
    expect(await read(id)).toMatchObject({ state: 'SUCCESS', result: 1 })
    expect(await open.call((client) => client.ttl(keys.task(id)))).toBeGreaterThan(50)
    await listener.ping() // after whatever was published
    expect(heard.map((text) => JSON.parse(text).result)).toEqual([1])
    listener.disconnect()
  })

  it('is never replaced once it is a success', async () => {
    const id = uniqueName('id')
    await store(success(id, 1))
    await store(success(id, 2))
    expect(await read(id)).toMatchObject({ result: 1 })
  })

  it('follows an earlier one', async () => {
    const id = uniqueName('id')
    await store({ taskId: id, state: 'STARTED', result: null, traceback: null, children: [] } as ResultRecord)
    await store(success(id, 1))
    expect(await read(id)).toMatchObject({ state: 'SUCCESS' })
  })

  it('takes the place of a value of another type', async () => {
    const id = uniqueName('id')
    await open.call((client) => client.lpush(keys.task(id), 'a list'))
    await store(success(id, 1))
    expect(await read(id)).toMatchObject({ result: 1 })
  })
})
