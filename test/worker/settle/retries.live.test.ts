import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TaskMessage } from '../../../src/protocol/task-message.ts'
import type { TaskContext } from '../../../src/tasks/context.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { nextRetry } from '../../../src/tasks/retry-policy.ts'
import { aWorker } from '../../support/a-worker.ts'
import type { Program } from '../../support/program.ts'
import { startCeleryWorker } from '../../support/python.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { take } from '../../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'

// Retries between Python's worker and ours: the same task goes on, whoever takes the next attempt.

let python: Program
let caller: PythonCaller
const theirQueue = uniqueName('python')
const theirNode = `${theirQueue}@test`

beforeAll(async () => {
  const settings = { broker: brokerUrl(), queue: theirQueue }
  python = await startCeleryWorker(settings, { args: ['--hostname', theirNode] })
  caller = await PythonCaller.start(settings)
})

afterAll(async () => {
  await caller?.[Symbol.asyncDispose]()
  await python?.[Symbol.asyncDispose]()
})

/** Everything that a caller can say of a task. */
const SENT_AS = {
  headers: { tenant: 'acme' },
  priority: 3,
  shadow: 'hand over',
  expires: 600,
  time_limit: 60,
  soft_time_limit: 50,
} as const

/** Sends it with a link, a link_error and a chain besides. */
async function sendWithAll(id: string, queue: string, kwargs: object): Promise<void> {
  const followUps = "link=signature('add', (1,)), link_error=signature('echo'), chain=[signature('mul', (2,))]"
  const options = { ...SENT_AS, kwargs, queue, task_id: id, root_id: 'the-root', parent_id: 'the-parent' }
  await caller.evaluate(
    `send_task('hand_over', **json.loads(${JSON.stringify(JSON.stringify(options))}), ${followUps})`,
  )
}

/** Our own `hand_over`: ends as `run` says, and remembers what it ran for. */
function handOver(run: (ctx: TaskContext) => unknown) {
  const seen: TaskMessage[] = []
  const task = defineTask({
    name: 'hand_over',
    positional: ['to?'],
    run(_args: { to?: string }, ctx) {
      seen.push(ctx.request)
      return run(ctx)
    },
  })
  return { task, seen }
}

describe('a task that we retry', () => {
  it('is to itself the same in every field but those that count', async () => {
    const { task, seen } = handOver((ctx) =>
      ctx.attempt === 1 ? ctx.retry({ countdown: 0, cause: new Error('once') }) : 'done',
    )
    await using scene = await aWorker([task])
    const id = uniqueName('id')
    await sendWithAll(id, scene.queue, { to: 'x' })
    expect(await caller.get(id)).toBe('done')
    const [first, second] = seen as [TaskMessage, TaskMessage]
    expect(first).toMatchObject({ retries: 0, eta: undefined, parentId: 'the-parent', rootId: 'the-root', priority: 3 })
    // What is left of its time, and the id that its publisher gave it.
    const properties = { ...first.properties, expiration: expect.any(String), messageId: expect.any(String) }
    expect(second).toEqual({ ...first, properties, retries: 1, eta: expect.any(Number), parentId: id })
  })

  it('goes by the exchange and the key that its message came by', async () => {
    const [queue, witness, exchange] = [uniqueName('topic'), uniqueName('witness'), uniqueName('exchange')]
    await caller.declare(witness, { exchange, type: 'topic', routing_key: 'events.#' })
    const again = defineTask({
      name: 'again',
      run: (_args: object, ctx) => (ctx.attempt === 1 ? ctx.retry({ countdown: 0 }) : 'done'),
    })
    await using _scene = await aWorker([again], {
      queues: [{ name: queue, exchange: { name: exchange, type: 'topic' }, routingKey: 'events.#' }],
    })
    const route = { exchange, exchange_type: 'topic', routing_key: 'events.user.created' }
    expect(await caller.get(await caller.sendTask('again', [], route))).toBe('done')
    const copies = await take(witness, 2)
    expect(copies.map(({ headers }) => headers.retries)).toEqual([0, 1])
    expect(copies.map((copy) => copy.route)).toEqual(
      Array.from({ length: 2 }, () => ({ exchange, routingKey: route.routing_key })),
    )
  })

  it('goes on in Python as if it had been retried there', async () => {
    const { task } = handOver((ctx) => ctx.retry({ countdown: '2s', cause: new Error('elsewhere') }))
    const scene = await aWorker([task])
    await using _scene = scene
    const id = uniqueName('id')
    await sendWithAll(id, scene.queue, { to: 'x' })
    await scene.logged('task.retried')
    await scene.worker.stop('warm')
    const order = { arguments: { queue: scene.queue }, destination: [theirNode], limit: 1, timeout: 60 }
    await caller.broadcast('add_consumer', order)
    expect(await caller.get(id)).toEqual({
      id,
      retries: 1,
      root_id: 'the-root',
      parent_id: id,
      origin: expect.stringMatching(/^gen\d+@/),
      shadow: 'hand over',
      expires: expect.stringMatching(/^\d{4}-/),
      timelimit: [60, 50],
      group: null,
      reply_to: expect.stringMatching(/^[\da-f-]{36}$/),
      correlation_id: id,
      argsrepr: '()',
      callbacks: [expect.objectContaining({ task: 'add' })],
      errbacks: [expect.objectContaining({ task: 'echo' })],
      chain: [expect.objectContaining({ task: 'mul' })],
      priority: 3,
      tenant: 'acme',
    })
    await caller.broadcast('cancel_consumer', order)
  })
})

it('a task that Python retries goes on here', async () => {
  const { task, seen } = handOver((ctx) => ({ attempt: ctx.attempt }))
  await using scene = await aWorker([task])
  const id = uniqueName('id')
  await caller.sendTask('hand_over', [], {
    kwargs: { to: scene.queue },
    queue: theirQueue,
    task_id: id,
    priority: 3,
    headers: { tenant: 'acme' },
  })
  expect(await caller.get(id)).toEqual({ attempt: 2 })
  expect(seen).toMatchObject([{ id, retries: 1, parentId: id, kwargs: { to: scene.queue }, priority: 3 }])
})

it('a task that may not be retried any more says so in the words of Python', async () => {
  const giveUp = defineTask({
    name: 'give_up',
    positional: ['...rest'],
    named: '*',
    retry: { limit: 0 },
    run: (_args: { rest?: readonly unknown[] }, ctx) => ctx.retry(),
  })
  await using scene = await aWorker([giveUp])
  const said = async (queue: string): Promise<unknown> => {
    const id = await caller.sendTask('give_up', [1, 'a'], { kwargs: { k: null }, queue })
    const raised = await caller.get(id).catch((error: unknown) => error as { type: string; args: string[] })
    return JSON.parse(JSON.stringify(raised).replaceAll(id, 'ID'))
  }
  const [ours, theirs] = [await said(scene.queue), await said(theirQueue)] as [Raised, Raised]
  expect({ type: ours.type, module: ours.module, args: ours.args }).toEqual({
    type: theirs.type,
    module: theirs.module,
    args: theirs.args,
  })
})

interface Raised {
  readonly type: string
  readonly module: string
  readonly args: readonly unknown[]
}

it('the delays of a policy are those of Python’s retry_backoff', async () => {
  const expression =
    '[[__import__("celery.utils.time", fromlist=["x"]).get_exponential_backoff_interval(b, n, m) for n in range(15)]' +
    ' for b, m in ((1, 600), (5, 600), (3, 20))]'
  const theirs = await caller.evaluate(expression)
  const ours = [
    [1, 600],
    [5, 600],
    [3, 20],
  ].map(([base, max]) =>
    Array.from({ length: 15 }, (_, retries) => {
      const delay = { base: `${base}s`, max: `${max}s`, jitter: false }
      const decision = nextRetry({ limit: null, delay }, { error: 0, retries, now: 0, random: () => 1 })
      return decision.kind === 'retry' && decision.at / 1000
    }),
  )
  expect(ours).toEqual(theirs)
})
