import { expect, it } from 'vitest'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { type FailureFacts, failedMessage } from '../../src/protocol/headers/failed.ts'
import { encodeTask } from '../../src/protocol/task/encode-task.ts'
import { type FailedFilter, failedMessages, rerunOf } from '../../src/queues/failed.ts'

const NOW = Date.UTC(2030, 0, 1)

const facts: FailureFacts = {
  queue: 'mail',
  route: { exchange: '', routingKey: 'mail' },
  redelivered: false,
  id: 'id-1',
  task: 'mail.send',
  type: 'ValueError',
  detail: 'no such address',
  node: 'twq@host1',
  now: NOW,
  outcome: 'failed',
  traceback: 'at sender.ts:3',
  retries: 0,
  nesting: 0,
  rerun: 0,
  startedAt: NOW - 1_000,
  first: undefined,
}

/** A connection to a broker whose queue of failures holds messages with these facts. */
async function aFailedQueue(...failures: readonly Partial<FailureFacts>[]) {
  const connection = await createMemoryBroker().connect()
  const channel = await connection.openChannel()
  await channel.declareQueue({ name: 'mail.failed', durable: true })
  for (const failure of failures) {
    const all = { ...facts, ...failure }
    const message = encodeTask({ id: all.id ?? '', task: all.task ?? '', args: ['a'], origin: 'test' }, { now: NOW })
    const { route, message: copy } = failedMessage(message, all, { part: 'whole' })
    await channel.publish(route, copy)
  }
  return { connection, channel }
}

async function idsOf(filter: FailedFilter, ...failures: readonly Partial<FailureFacts>[]) {
  const { connection } = await aFailedQueue(...failures)
  const ids: (string | undefined)[] = []
  for await (const { id } of failedMessages(connection, 'mail', filter)) ids.push(id)
  return ids
}

it('reads each failure, and leaves all of them in their queue', async () => {
  const { connection, channel } = await aFailedQueue({}, { id: 'id-2' })
  const found = []
  for await (const failure of failedMessages(connection, 'mail')) found.push(failure)
  expect(found).toMatchObject([
    { id: 'id-1', task: 'mail.send', reason: 'ValueError', detail: 'no such address', attempts: 1, queue: 'mail' },
    { id: 'id-2' },
  ])
  expect((await channel.inspectQueue('mail.failed')).messages).toBe(2)
})

it('leaves them there, too, where only the first is read', async () => {
  const { connection, channel } = await aFailedQueue({}, { id: 'id-2' })
  for await (const _ of failedMessages(connection, 'mail')) break
  expect((await channel.inspectQueue('mail.failed')).messages).toBe(2)
})

it('shows two copies of one attempt once, and another run of the same task beside them', async () => {
  expect(await idsOf({}, {}, {}, { rerun: 1 }, { retries: 1 })).toEqual(['id-1', 'id-1', 'id-1'])
})

it.each([
  ['a pattern of tasks', { task: 'mail.*' }, ['id-1', 'id-2']],
  ['an error', { error: 'OSError' }, ['id-2']],
  ['a text of the error', { text: 'address' }, ['id-1']],
  ['a text of the traceback', { text: 'sender.ts' }, ['id-1', 'id-2']],
  ['a time', { since: NOW + 1 }, ['id-2']],
  ['an id', { id: 'id-2' }, ['id-2']],
])('filters by %s', async (_title, filter, expected) => {
  const other = { id: 'id-2', type: 'OSError', detail: 'no route', now: NOW + 10_000 }
  expect(await idsOf(filter, {}, other)).toEqual(expected)
})

it('sends a failure to its queue again, as a run of its own', async () => {
  const { connection } = await aFailedQueue({ rerun: 2 })
  for await (const failure of failedMessages(connection, 'mail')) {
    const again = rerunOf(failure, 'mail', { now: NOW })
    expect(again?.outgoing.route).toEqual({ exchange: '', routingKey: 'mail' })
    expect(again?.outgoing.message.headers).toMatchObject({ id: 'id-1', retries: 0, 'x-twq-rerun': 3 })
  }
})
