import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chord } from '../../../src/canvas/chord.ts'
import { group } from '../../../src/canvas/group.ts'
import { signature } from '../../../src/canvas/signature.ts'
import { type Client, createClient } from '../../../src/client/create-client.ts'
import { parseRedisUrl } from '../../../src/results/redis/redis-address.ts'
import { RedisConnection } from '../../../src/results/redis/redis-connection.ts'
import type { Json } from '../../../src/runtime/json.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import type { Program } from '../../support/program.ts'
import { type RedisServer, startRedis } from '../../support/provision/redis.ts'
import { startCeleryWorker } from '../../support/python.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { startTwqWorker } from '../../support/twq-worker.ts'
import { pollUntil } from '../../support/until.ts'

// What `grow` does it is told by files in a folder: it waits for one of this name, and does not add where there is another.
const TASKS = `
  import { existsSync, writeFileSync } from 'node:fs'
  import { setTimeout as sleep } from 'node:timers/promises'
  import { defineTask, signature } from 'twq'

  const file = async (name: string) => {
    while (!existsSync(name)) await sleep(10)
  }
  export const note = defineTask({ name: 'note', positional: ['...args'], run: ({ args }) => args })
  export const grow = defineTask({
    name: 'grow',
    positional: ['folder', 'queue'],
    async run({ folder, queue }, ctx) {
      ctx.log.info({ event: 'growing' }, 'about to add')
      await file(folder + '/add')
      if (!existsSync(folder + '/leave')) await ctx.addToChord(signature(note, ['more'], { queue }).toJSON())
      writeFileSync(folder + '/added', '')
      await file(folder + '/end')
      return 'grown'
    },
  })
  export const strayed = defineTask({
    name: 'strayed',
    async run(_, ctx) {
      await ctx.addToChord(signature(note, ['more'], { exchange: 'nowhere', routingKey: 'nobody' }).toJSON()).catch(() => {})
    },
  })
`

const there = uniqueName('python')
let redis: RedisServer
let store: RedisConnection
let celery: Program
let client: Client

beforeAll(async () => {
  redis = await startRedis()
  const settings = { broker: brokerUrl(), resultBackend: redis.url, queue: there }
  celery = await startCeleryWorker(settings, { args: ['-Q', there, '-I', 'workflows'] })
  client = createClient({ broker: brokerUrl(), resultBackend: redis.url })
  const address = parseRedisUrl(redis.url)
  store = new RedisConnection({ address, name: 'a test', patience: 60_000, clock: systemClock })
  await store.start()
})

afterAll(async () => {
  await store?.stop({ deadline: AbortSignal.timeout(2_000) })
  await client?.close()
  await celery?.[Symbol.asyncDispose]()
  await redis?.[Symbol.asyncDispose]()
})

/** A chord whose header has one that adds to it, here, and one that a worker of Celery runs, as it runs the body. */
async function aScene() {
  const queue = uniqueName('grows')
  const folder = mkdtempSync(join(tmpdir(), 'twq-chord-'))
  const settings = { tasks: TASKS, config: { resultBackend: redis.url, queues: [queue] } }
  const members = [signature('grow', [folder, queue], { queue }), signature('note', ['other'], { queue: there })]
  const groupId = uniqueName('chord')
  return {
    folder: {
      put: (name: string) => writeFileSync(join(folder, name), ''),
      has: (name: string) => existsSync(join(folder, name)),
    },
    start: (broker: string) => startTwqWorker({ broker, ...settings }),
    send: () =>
      client.send(chord(group(members).set({ taskId: groupId }), signature('note', ['body'], { queue: there }))),
    kept: (suffix: string) => store.get(`celery-taskset-meta-${groupId}${suffix}`),
    left: () => store.call((redis) => redis.keys(`celery-taskset-meta-${groupId}*`)),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** What was in the header, whoever came first. */
function partsOf(result: unknown): string[] {
  const [parts, body] = result as [Json[], string]
  expect(body).toBe('body')
  return parts.map((part) => JSON.stringify(part)).sort()
}

const GROWN = ['"grown"', '["more"]', '["other"]']

describe('a task whose worker is killed', () => {
  it.each([
    ['adds it again, once', () => {}],
    ['has it sent when it ends, though it does not add it any more', (put: (name: string) => void) => put('leave')],
  ])('between counting what it adds to a chord and sending it %s', async (_title, before) => {
    using scene = await aScene()
    const proxy = await FaultProxy.before(brokerUrl())
    const killed = await scene.start(proxy.through(brokerUrl()))
    const handle = await scene.send()
    await killed.until('growing')
    // From here on nothing that it sends arrives.
    proxy.blackhole()
    scene.folder.put('add')
    await pollUntil(
      'what is counted',
      () => scene.kept('.t'),
      (count) => count === '1',
    )
    expect(scene.folder.has('added')).toBe(false)
    await killed[Symbol.asyncDispose]()
    await proxy[Symbol.asyncDispose]()
    before(scene.folder.put)
    scene.folder.put('end')
    await using _next = await scene.start(brokerUrl())
    expect(partsOf(await handle.result({ timeout: '120s' }))).toEqual(GROWN)
  })

  it('after it has sent what it adds to a chord adds it once', async () => {
    using scene = await aScene()
    const killed = await scene.start(brokerUrl())
    const handle = await scene.send()
    scene.folder.put('add')
    await pollUntil(
      'what is added',
      async () => scene.folder.has('added'),
      (added) => added,
    )
    await killed[Symbol.asyncDispose]()
    scene.folder.put('end')
    await using _next = await scene.start(brokerUrl())
    expect(partsOf(await handle.result({ timeout: '120s' }))).toEqual(GROWN)
    await pollUntil('nothing of the chord', scene.left, (keys) => keys.length === 0)
  })
})

it('what is added to a chord and can not be sent fails the chord', async () => {
  const queue = uniqueName('strays')
  const config = { resultBackend: redis.url, queues: [queue] }
  await using _worker = await startTwqWorker({ broker: brokerUrl(), tasks: TASKS, config })
  const handle = await client.send(chord([signature('strayed', [], { queue })], signature('note', [], { queue })))
  await expect(handle.result({ timeout: '60s' })).rejects.toMatchObject({
    cause: { type: 'ChordError', message: expect.stringContaining('could not be sent') },
  })
})
