import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../../src/client/create-client.ts'
import type { UserConfig } from '../../../src/config/config.ts'
import { DELAY_LEVELS, delayLevel, delayRoute } from '../../../src/protocol/headers/delay-route.ts'
import { encodeTask } from '../../../src/protocol/task/encode-task.ts'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { whyNoCelery } from '../../support/provision/python.ts'
import { startCeleryWorker } from '../../support/python.ts'
import { queueOnce, withChannel } from '../../support/raw-broker.ts'
import { brokerUrl, ctl, uniqueName, vhost } from '../../support/services.ts'
import type { LogRecord } from '../../support/twq-worker.ts'
import { Journal } from '../../support/until.ts'

const at = defineTask({ name: 'at', run: () => ({ at: Date.now() }) })

/** Every delay of a second or more is left to the broker. */
const NOTHING_HELD: UserConfig = { holdFor: '1s', maxHeld: 0, delayedDelivery: 'always' }

/** Messages in native delayed delivery. */
async function waitingWithTheBroker(): Promise<number> {
  let messages = 0
  for (let level = 0; level < DELAY_LEVELS; level += 1) {
    messages += (await withChannel((channel) => channel.inspectQueue(delayLevel(level)))).messages
  }
  return messages
}

it('brings a Python worker of any version what a client of ours delays, at its time', async ({ skip }) => {
  const why = whyNoCelery('5.2')
  if (why !== undefined) skip(why)
  const queue = uniqueName('python')
  // The oldest, which knows nothing of native delayed delivery.
  await using _worker = await startCeleryWorker({ broker: brokerUrl(), queue, celery: '5.2' })
  await using client = createClient({ broker: brokerUrl(), queue, holdFor: '1s' })
  const due = Date.now() + 15_000
  const handle = await client.send('add', [2, 3], { eta: new Date(due) })
  // It is nowhere near the worker before.
  expect(await waitingWithTheBroker()).toBe(1)
  await queueOnce(queue, ({ messages, consumers }) => messages === 0 && consumers === 1)
  expect(await handle.result()).toBe(5)
  expect(Date.now()).toBeGreaterThanOrEqual(due)
  expect(await waitingWithTheBroker()).toBe(0)
})

it('takes what a Celery of 5.5 or later delays for a topic exchange, by the key it was sent with', async () => {
  const key = uniqueName('key')
  const exchange = { name: uniqueName('topic'), type: 'topic' as const }
  const queue = { name: uniqueName('queue'), exchange, routingKey: `${key}.*` }
  await using scene = await aWorker([at], { queues: [queue], delayedDelivery: 'always' })
  await scene.logged('delays.ready')
  const now = Date.now()
  const message = encodeTask({ id: uniqueName('id'), task: 'at', origin: 'gen1@test', eta: now + 2000 }, { now })
  const route = delayRoute(`${key}.one`, 2)
  expect(await withChannel((channel) => channel.publish(route, message, { mandatory: true }))).toBe('confirmed')
  await scene.logged('task.succeeded')
})

describe('where a user may not declare native delayed delivery', () => {
  const user = uniqueName('user')
  const theirs = (): string => {
    const url = new URL(brokerUrl())
    url.username = user
    url.password = 'x'
    return url.href
  }
  beforeAll(async () => {
    await ctl('add_user', user, 'x')
    await ctl('set_permissions', '-p', vhost(), user, '^(?!celery_delayed_)', '.*', '.*')
  })
  afterAll(async () => void (await ctl('delete_user', user)))

  it('the worker holds the tasks, and says why', async () => {
    await using scene = await aWorker([at], { ...NOTHING_HELD, broker: theirs() })
    expect(await scene.logged('delays.unusable')).toMatchObject({
      level: 'warn',
      error: expect.stringMatching(/access to exchange 'celery_delayed_.*' in vhost .* refused/),
      hint: expect.stringContaining('rabbitmqctl set_permissions'),
    })
    const due = Date.now() + 3000
    const handle = await scene.client.send(at, [], { eta: new Date(due) })
    const { at: ranAt } = (await handle.result()) as unknown as { at: number }
    expect(ranAt).toBeGreaterThanOrEqual(due)
    expect(scene.log.entries.some(({ event }) => event === 'task.delayed')).toBe(false)
  })

  it('the client sends them to their queue, and hears why', async () => {
    await using scene = await aWorker([at])
    const lines = new Journal<LogRecord>()
    const destination = { write: (line: string) => lines.push(JSON.parse(line) as LogRecord) }
    const logger = createLogger({ level: 'warn', format: 'json', destination })
    await using client = createClient({ broker: theirs(), queue: scene.queue, holdFor: '1s', logger })
    const due = Date.now() + 3000
    const handle = await client.send(at, [], { eta: new Date(due) })
    await lines.until(({ msg }) => String(msg).includes("native delayed delivery can't be used"))
    const { at: ranAt } = (await handle.result()) as unknown as { at: number }
    expect(ranAt).toBeGreaterThanOrEqual(due)
  })
})

it('names at the start the tasks that may run longer than the broker waits for an acknowledgement', async () => {
  const long = defineTask({ name: 'long', timeLimit: { hard: '2h' }, run: () => null })
  await using scene = await aWorker([at, long])
  const fix = expect.stringContaining('consumer_timeout')
  expect(await scene.logged('tasks.long')).toMatchObject({ level: 'warn', tasks: ['long'], hint: fix })
})
