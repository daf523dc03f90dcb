import { afterAll, beforeAll, expect, it } from 'vitest'
import { chord } from '../../../src/canvas/chord.ts'
import { group } from '../../../src/canvas/group.ts'
import { signature } from '../../../src/canvas/signature.ts'
import { createClient } from '../../../src/client/create-client.ts'
import { parseRedisUrl } from '../../../src/results/redis/redis-address.ts'
import { RedisConnection } from '../../../src/results/redis/redis-connection.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { type RedisServer, startRedis } from '../../support/provision/redis.ts'
import { queueOnce } from '../../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'

// What other programs leave under the keys in which the parts of a chord are counted: parts of a worker with another
// result_serializer, and values of another type.

let redis: RedisServer
let store: RedisConnection
beforeAll(async () => {
  redis = await startRedis()
  const address = parseRedisUrl(redis.url)
  store = new RedisConnection({ address, name: 'a test', patience: 60_000, clock: systemClock })
  await store.start()
})
afterAll(async () => {
  await store?.stop({ deadline: AbortSignal.timeout(2_000) })
  await redis?.[Symbol.asyncDispose]()
})

const PICKLE = Buffer.from('80049525000000000000005d94284b018c0478782d31948c0753554343455353944b05652e', 'hex')
const MSGPACK = Buffer.from('9401a478782d31a75355434345535305', 'hex')
const DEEP = `${'['.repeat(5_000)}${']'.repeat(5_000)}`

type Command = [string, ...(string | number | Buffer)[]]
const part = (value: string | Buffer) => (key: string) => [['ZADD', `${key}.j`, 1, value]] as Command[]
const other =
  (suffix: string, ...command: Command) =>
  (key: string) =>
    [
      ['DEL', `${key}${suffix}`],
      [command[0], `${key}${suffix}`, ...command.slice(1)],
    ] as Command[]

it.each<[string, (key: string, id: string) => Command[]]>([
  ['a part that is pickled', part(PICKLE)],
  ['a part in MessagePack', part(MSGPACK)],
  ['a part that is no JSON', part('garbage')],
  ['an empty part', part('')],
  ['a part of JSON as deep as nothing is', part(DEEP)],
  ['a part that is no list', part('{"task_id": "x"}')],
  ['a part that is a list of something else', part('[1, 2, 3, 4]')],
  ['a list in the place of the parts', other('.j', 'RPUSH', 'x')],
  ['a text in the place of the parts', other('.j', 'SET', 'x')],
  ['a list in the place of their number', other('.s', 'RPUSH', 'x')],
  ['a number of them that is none', other('.s', 'SET', 'two')],
  ['a list in the place of what was added', other('.t', 'RPUSH', 'x')],
  ['a number of what was added that is none', other('.t', 'SET', '1.5')],
  ['a text in the place of the additions', (key, id) => other(`.twq.${id}`, 'SET', 'x')(key)],
  ['an addition that is none', (key, id) => other(`.twq.${id}`, 'HSET', 'call', '[]')(key)],
  ['a form that is no JSON', (key) => [...part('[1, "other", "SUCCESS", 1]')(key), ...other('', 'SET', '{')(key)]],
  [
    'a list in the place of its form',
    (key) => [...part('[1, "other", "SUCCESS", 1]')(key), ...other('', 'RPUSH', 'x')(key)],
  ],
])('a chord with %s fails, and no task of it runs twice', async (_title, leave) => {
  const runs: string[] = []
  const go = deferred<void>()
  const held = defineTask({
    name: 'held',
    async run(_: object, ctx) {
      runs.push(ctx.request.id)
      await go.promise
      return 'held'
    },
  })
  const note = defineTask({
    name: 'note',
    positional: ['id'],
    run: ({ id }: { id: string }) => void runs.push(`errback ${id}`),
  })
  await using scene = await aWorker([held, note], { resultBackend: redis.url, resultPatience: '1s' })
  await using client = createClient({ broker: brokerUrl(), resultBackend: redis.url, queue: scene.queue })
  const [groupId, id] = [uniqueName('chord'), uniqueName('member')]
  // The other task of the header is of a queue that nobody consumes.
  const header = group([
    signature('held').set({ taskId: id }),
    signature('other', [], { queue: uniqueName('elsewhere') }),
  ])
  const body = signature('body').set({ linkError: [signature('note')] })
  const handle = await client.send(chord(header.set({ taskId: groupId }), body))
  await scene.logged('task.received')
  for (const command of leave(`celery-taskset-meta-${groupId}`, id)) {
    await store.call((server) => server.call(...(command as [string, ...string[]])))
  }
  go.resolve()
  await expect(handle.result({ timeout: '60s' })).rejects.toMatchObject({
    cause: { type: 'ChordError', message: expect.stringMatching(/^Join error: /) },
  })
  expect(await client.result(id).result({ timeout: '60s' })).toBe('held')
  await queueOnce(scene.queue, ({ messages, consumers }) => messages === 0 && consumers === 1)
  await scene.log.untilCount(2, ({ event }) => event === 'task.succeeded')
  expect(runs).toEqual([id, `errback ${handle.id}`])
})
