import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type ClientOptions, createClient } from '../../../src/client/create-client.ts'
import type { UserConfig } from '../../../src/config/config.ts'
import { type QuarantineFacts, quarantineMessage } from '../../../src/protocol/headers/quarantine.ts'
import type { WireMessage } from '../../../src/protocol/wire.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import type { AnyTask } from '../../../src/tasks/task.ts'
import { aWorker, type WorkerScene } from '../../support/a-worker.ts'
import { heldTask } from '../../support/held-task.ts'
import { type RedisServer, startRedis } from '../../support/provision/redis.ts'
import { startCeleryWorker } from '../../support/python.ts'
import { publishRaw, queueOnce, take, withChannel } from '../../support/raw-broker.ts'
import { runTwq } from '../../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { pollUntil } from '../../support/until.ts'

const add = defineTask({
  name: 'add',
  positional: ['x', 'y'],
  run: ({ x, y }: { x: number; y: number }) => x + y,
})
const boom = defineTask({
  name: 'boom',
  run() {
    throw new RangeError('no good')
  },
})
const slow = defineTask({ name: 'slow', rateLimit: '1/h', run() {} })
const again = defineTask({
  name: 'again',
  run: (_args, ctx) => ctx.retry({ countdown: '10m', cause: new Error('busy') }),
})

/** What is typed, and where it looks. */
interface Question {
  readonly what: string
  readonly flags?: readonly string[]
  readonly queue: string
  readonly broker?: string
}

interface Situation {
  readonly title: string
  arrange(): Promise<Question>
  /** The statement that answers it, its certainty, and what its sentence or evidence says. */
  readonly says: string
  readonly certainty: 'certain' | 'candidate'
  readonly text?: RegExp
}

let redis: RedisServer
const open: AsyncDisposable[] = []
beforeAll(async () => {
  redis = await startRedis()
})
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
})
afterAll(async () => {
  await redis?.[Symbol.asyncDispose]()
})

async function worker(tasks: readonly AnyTask[], config: UserConfig = {}): Promise<WorkerScene> {
  const scene = await aWorker(tasks, config)
  open.push(scene)
  return scene
}

/** A worker that keeps results, and the client that reads them. */
async function withResults(tasks: readonly AnyTask[]) {
  const scene = await worker(tasks, { resultBackend: redis.url })
  return { scene, client: client({ queue: scene.queue, resultBackend: redis.url }) }
}

function client(options: ClientOptions) {
  const made = createClient({ broker: brokerUrl(), publishTimeout: '60s', ...options })
  open.push(made)
  return made
}

/** A task queue as a worker declares it, without one. */
async function aQueue(): Promise<string> {
  const queue = uniqueName('queue')
  expect(await runTwq(['queue', 'declare', queue, '--broker', brokerUrl()])).toMatchObject({ status: 0 })
  return queue
}

/** A message as it is kept beside its queue. */
function failedCopy(
  message: WireMessage,
  { queue, id, task }: Pick<QuarantineFacts, 'queue' | 'id' | 'task'>,
): WireMessage {
  const route = { exchange: '', routingKey: queue }
  const facts = { queue, id, task, route, redelivered: false, node: 'w1@test', now: Date.parse('2026-01-01') }
  return quarantineMessage(message, { ...facts, type: 'RangeError', detail: 'no good' }).message
}

/** A worker of one slot that is taken, and `more` tasks behind. */
async function busy(config: UserConfig, more = 1) {
  const held = heldTask()
  const scene = await worker([held.task], { concurrency: 1, ...config })
  open.push({ [Symbol.asyncDispose]: async () => held.release() })
  const running = await scene.client.send(held.task, { n: 1 })
  await held.started
  const behind = []
  for (let n = 0; n < more; n++) behind.push(await scene.client.send(held.task, { n: n + 2 }))
  return { scene, running, behind: behind[0]! }
}

const situations: readonly Situation[] = [
  {
    title: 'no worker is there',
    async arrange() {
      const queue = await aQueue()
      const { id } = await client({ queue }).send(add, { x: 1, y: 2 })
      return { what: id, queue }
    },
    says: 'no-consumer',
    certainty: 'candidate',
    text: /it may wait in queue-\w+, which no worker consumes.*1 message ready.*no worker answers/,
  },
  {
    title: 'no worker is there for tasks of a name',
    arrange: async () => ({ what: 'add', queue: await aQueue() }),
    says: 'no-worker',
    certainty: 'certain',
  },
  {
    title: 'its worker consumes another queue',
    async arrange() {
      const queue = await aQueue()
      await worker([add])
      const { id } = await client({ queue }).send(add, { x: 1, y: 2 })
      return { what: id, queue }
    },
    says: 'no-consumer',
    certainty: 'candidate',
    text: /consumed by none of w-.*, which answer/,
  },
  {
    title: 'tasks of a name go to a queue that no worker consumes',
    async arrange() {
      await worker([add])
      return { what: 'add', queue: await aQueue() }
    },
    says: 'no-consumer',
    certainty: 'certain',
    text: /no worker takes tasks from/,
  },
  {
    title: 'no worker of its queue has the task',
    async arrange() {
      const { queue } = await worker([add])
      return { what: 'addd', queue }
    },
    says: 'unknown-task',
    certainty: 'certain',
    text: /did you mean add\?/,
  },
  {
    title: 'its rate limit holds it',
    async arrange() {
      const scene = await worker([slow])
      await scene.client.send(slow, {})
      await scene.logged('task.succeeded')
      const { id } = await scene.client.send(slow, {})
      await scene.log.untilCount(2, ({ event }) => event === 'task.received')
      return { what: id, queue: scene.queue }
    },
    says: 'waits-for-rate-limit',
    certainty: 'certain',
    text: /slow is limited there to 1\/h/,
  },
  {
    title: 'it waits for its ETA',
    async arrange() {
      const scene = await worker([add])
      const { id } = await scene.client.send(add, { x: 1, y: 2 }, { countdown: '5m' })
      await scene.logged('task.received')
      return { what: id, queue: scene.queue }
    },
    says: 'waits-for-eta',
    certainty: 'certain',
    text: /holds it until 20.*Z, in 4 min/,
  },
  {
    title: 'its queue is paused',
    async arrange() {
      const scene = await worker([add])
      const paused = await runTwq(['worker', 'pause', scene.queue, '-d', scene.worker.node, '--broker', brokerUrl()])
      expect(paused.status).toBe(0)
      const { id } = await scene.client.send(add, { x: 1, y: 2 })
      return { what: id, queue: scene.queue }
    },
    says: 'no-consumer',
    certainty: 'candidate',
    text: /twq worker resume/,
  },
  {
    title: 'it is revoked, and has not come yet',
    async arrange() {
      const scene = await worker([add])
      const id = randomUUID()
      await scene.client.revoke(id)
      await scene.logged('control.command')
      return { what: id, queue: scene.queue }
    },
    says: 'revoked',
    certainty: 'certain',
    text: /1 worker will drop it/,
  },
  {
    title: 'it was revoked, as its result says',
    async arrange() {
      const { scene } = await withResults([add])
      const id = randomUUID()
      await scene.client.revoke(id)
      await pollUntil(
        'REVOKED is stored',
        () => runTwq(['task', 'result', id, '--json'], { env: { TWQ_RESULT_BACKEND: redis.url } }),
        ({ stdout }) => stdout.includes('REVOKED'),
      )
      return { what: id, queue: scene.queue }
    },
    says: 'revoked',
    certainty: 'certain',
    text: /its result says REVOKED/,
  },
  {
    title: 'it is prefetched by a busy worker',
    async arrange() {
      const { scene, behind } = await busy({ prefetch: 2 })
      await scene.log.untilCount(2, ({ event }) => event === 'task.received')
      return { what: behind.id, queue: scene.queue }
    },
    says: 'waits-for-slot',
    certainty: 'certain',
    text: /which has 1 slot; numbered\[/,
  },
  {
    title: 'it runs',
    async arrange() {
      const { scene, running } = await busy({}, 0)
      return { what: running.id, queue: scene.queue }
    },
    says: 'runs',
    certainty: 'certain',
  },
  {
    title: 'it waits behind others in its queue',
    async arrange() {
      const { scene, behind } = await busy({ prefetch: 1 })
      return { what: behind.id, queue: scene.queue }
    },
    says: 'queue-full',
    certainty: 'candidate',
    text: /1 of 1 worker has no free slot/,
  },
  {
    title: 'it expired',
    async arrange() {
      const { scene } = await withResults([add])
      const id = randomUUID()
      const { message } = scene.client.encode(
        add,
        { x: 1, y: 2 },
        { taskId: id, expires: new Date(Date.now() - 1_000) },
      )
      // As Python sends it: RabbitMQ is not told, and so a worker finds that it is late.
      await publishRaw(scene.queue, { ...message, properties: { ...message.properties, expiration: undefined } })
      await scene.log.until(({ event }) => event === 'task.revoked')
      return { what: id, queue: scene.queue }
    },
    says: 'expired',
    certainty: 'certain',
  },
  {
    title: 'it is in quarantine',
    async arrange() {
      const scene = await worker([add])
      const { id } = await scene.client.send('nope', [])
      await queueOnce(`${scene.queue}.quarantine`, ({ messages }) => messages === 1)
      return { what: id, queue: scene.queue }
    },
    says: 'quarantined',
    certainty: 'certain',
    text: /NotRegistered.*its message lies in .*\.quarantine.*twq quarantine show/,
  },
  {
    title: 'it failed',
    async arrange() {
      const { scene, client: sender } = await withResults([boom])
      const handle = await sender.send(boom, {})
      await handle.result({ timeout: '60s' }).catch(() => {})
      return { what: handle.id, queue: scene.queue }
    },
    says: 'failed',
    certainty: 'certain',
    text: /RangeError: no good/,
  },
  {
    title: 'its failed message is kept',
    async arrange() {
      const queue = await aQueue()
      const id = randomUUID()
      const { message } = client({ queue }).encode(boom, {}, { taskId: id })
      await publishRaw(`${queue}.failed`, failedCopy(message, { queue, id, task: 'boom' }))
      return { what: id, queue }
    },
    says: 'failed',
    certainty: 'certain',
    text: /it failed on w1@test at 2026-01-01.*RangeError: no good.*\.failed; twq failed show/,
  },
  {
    title: 'it finished',
    async arrange() {
      const { scene, client: sender } = await withResults([add])
      const handle = await sender.send(add, { x: 1, y: 2 })
      await handle.result({ timeout: '60s' })
      return { what: handle.id, queue: scene.queue }
    },
    says: 'finished',
    certainty: 'certain',
  },
  {
    title: 'its result has expired',
    async arrange() {
      const { scene, client: sender } = await withResults([add])
      const handle = await sender.send(add, { x: 1, y: 2 })
      await handle.result({ timeout: '60s' })
      await sender.forget(handle.id)
      return { what: handle.id, queue: scene.queue }
    },
    says: 'over-or-never-sent',
    certainty: 'candidate',
    text: /has expired/,
  },
  {
    title: 'it was never sent',
    async arrange() {
      const { scene } = await withResults([add])
      return { what: randomUUID(), queue: scene.queue }
    },
    says: 'over-or-never-sent',
    certainty: 'candidate',
    text: /was never sent to this virtual host.*the result backend knows nothing of it/,
  },
  {
    title: 'it waits in no queue, which is certain',
    async arrange() {
      const { queue } = await worker([add])
      return { what: randomUUID(), queue }
    },
    says: 'not-waiting',
    certainty: 'certain',
  },
  {
    title: 'it waits for its retry',
    async arrange() {
      const { scene, client: sender } = await withResults([again])
      const { id } = await sender.send(again, {})
      await scene.log.untilCount(2, ({ event }) => event === 'task.received')
      return { what: id, queue: scene.queue }
    },
    says: 'waits-for-retry',
    certainty: 'certain',
    text: /holds it until .*asked for a retry/,
  },
  {
    title: 'its queue has a single active consumer, which is busy',
    async arrange() {
      const queue = { name: uniqueName('single'), arguments: { 'x-single-active-consumer': true } }
      const { behind } = await busy({ queues: [queue], prefetch: 1 })
      await worker([add], { queues: [queue], prefetch: 1 })
      return { what: behind.id, queue: queue.name }
    },
    says: 'standby',
    certainty: 'candidate',
    text: /the others stand by/,
  },
  {
    title: 'the virtual host is wrong',
    async arrange() {
      const broker = new URL(brokerUrl())
      broker.pathname = '/nowhere'
      return { what: randomUUID(), queue: 'celery', broker: broker.href }
    },
    says: 'no-vhost',
    certainty: 'certain',
  },
  {
    title: 'there is no such queue',
    arrange: async () => ({ what: randomUUID(), queue: await aQueue(), flags: ['--queue', 'nowhere'] }),
    says: 'no-queue',
    certainty: 'certain',
    text: /went to another virtual host/,
  },
  {
    title: 'a Python worker holds it',
    async arrange() {
      const queue = uniqueName('python')
      open.push(await startCeleryWorker({ broker: brokerUrl(), queue }, { args: ['--hostname', `${queue}@test`] }))
      const { id } = await client({ queue }).send('add', [1, 2], { countdown: '5m' })
      await pollUntil(
        'the worker holds it',
        () => runTwq(['inspect', 'scheduled', '--json', '--broker', brokerUrl()]),
        ({ stdout }) => stdout.includes(id),
      )
      return { what: id, queue }
    },
    says: 'waits-for-eta',
    certainty: 'certain',
    text: /python-\w+@test holds it until/,
  },
  {
    title: 'it waits in the queues of delayed delivery',
    async arrange() {
      const scene = await worker([add])
      const { id } = await scene.client.send(add, { x: 1, y: 2 }, { countdown: '1h' })
      return { what: id, queue: scene.queue }
    },
    says: 'delayed',
    certainty: 'candidate',
    text: /1 message in celery_delayed_0/,
  },
  {
    title: 'it may be among the suspects',
    async arrange() {
      const queue = await aQueue()
      await publishRaw(`${queue}.suspects`, { headers: { task: 'add', id: 'x' }, body: Buffer.from('[[],{},{}]') })
      return { what: randomUUID(), queue }
    },
    says: 'suspect',
    certainty: 'candidate',
  },
  {
    title: 'it began to run, and its worker is gone',
    async arrange() {
      const { Redis } = await import('ioredis')
      const id = randomUUID()
      const store = new Redis(redis.url)
      const record = {
        status: 'STARTED',
        result: { pid: 1, hostname: 'gone@host' },
        traceback: null,
        children: [],
        task_id: id,
      }
      await store.set(`celery-task-meta-${id}`, JSON.stringify(record))
      store.disconnect()
      return { what: id, queue: await aQueue() }
    },
    says: 'worker-gone',
    certainty: 'candidate',
    text: /gone@host/,
  },
  {
    title: 'nothing is wrong with tasks of a name',
    async arrange() {
      const { queue } = await worker([add])
      return { what: 'add', queue }
    },
    says: 'clear',
    certainty: 'candidate',
  },
]

interface Told {
  readonly kind: string
  readonly certainty: string
  readonly sentence: string
  readonly evidence: readonly string[]
  readonly command?: string
}

function why({ what, flags = [], queue, broker = brokerUrl() }: Question, form: readonly string[] = ['--json']) {
  const env = { TWQ_QUEUES: queue, TWQ_BROKER: broker, TWQ_RESULT_BACKEND: redis.url }
  return runTwq(['task', 'why', what, ...flags, ...form, '-t', '20s'], { env })
}

describe('twq task why', () => {
  it.each(situations)('says with its certainty that $title', async ({ arrange, says, certainty, text }) => {
    const { stdout, stderr } = await why(await arrange())
    const { statements } = JSON.parse(stdout) as { statements: readonly Told[] }
    const told = statements.find(({ kind }) => kind === says)
    expect(told, `${stdout}\n${stderr}`).toMatchObject({ kind: says, certainty })
    const words = `${told?.sentence}; ${told?.evidence.join('; ')}; ${told?.command}`
    if (text !== undefined) expect(words).toMatch(text)
  })

  it('takes no message: what waits is not delivered, and what was set aside stays', async () => {
    const queue = await aQueue()
    const { id } = await client({ queue }).send(add, { x: 1, y: 2 })
    await publishRaw(`${queue}.quarantine`, { headers: {}, body: Buffer.from('x') })
    for (let times = 0; times < 3; times++) expect((await why({ what: id, queue })).status).toBe(0)
    const [message] = await take(queue, 1)
    expect(message).toMatchObject({ redelivered: false })
    expect(await withChannel((channel) => channel.inspectQueue(`${queue}.quarantine`))).toMatchObject({ messages: 1 })
  })

  it('prints sentences for people, and shows no control character of an id', async () => {
    const queue = await aQueue()
    const { stdout, status } = await why({ what: 'x\u001b[2J', flags: ['--task', 'a\u0007dd'], queue }, [])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^candidate {2}it finished before .*\n {11}seen: /m)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
  })
})
