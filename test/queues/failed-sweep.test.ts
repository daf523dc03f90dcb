import { describe, expect, it } from 'vitest'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { type FailureFacts, failedMessage, type KeptPart } from '../../src/protocol/headers/failed.ts'
import { readMarks } from '../../src/protocol/headers/suspect.ts'
import { encodeTask } from '../../src/protocol/task/encode-task.ts'
import { dropFailed, type FailedSweepOptions, retryFailed } from '../../src/queues/failed-sweep.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'

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
  traceback: null,
  retries: 0,
  nesting: 0,
  rerun: 0,
  startedAt: undefined,
  first: undefined,
}

type Kept = Partial<FailureFacts> & { readonly part?: KeptPart; readonly chord?: true }

/** A broker whose queue of failures, beside the task queue `mail`, holds these. */
async function aBroker(...failures: readonly Kept[]) {
  const connection = await createMemoryBroker().connect()
  const channel = await connection.openChannel()
  for (const name of ['mail', 'mail.failed', 'other']) await channel.declareQueue({ name, durable: true })
  for (const { part = 'whole', chord, ...failure } of failures) {
    const all = { ...facts, ...failure }
    const task = { id: all.id ?? '', task: 'mail.send', args: ['a'], origin: 'test' }
    const embed = chord ? { chord: { task: 'body' } } : {}
    const { route, message } = failedMessage(encodeTask({ ...task, embed }, { now: NOW }), all, { part })
    await channel.publish({ exchange: '', routingKey: 'mail.failed' }, message)
    expect(route.exchange).toBe('')
  }
  const swept = (work: typeof dropFailed, options: Partial<FailedSweepOptions> = {}) =>
    work(connection, 'mail', { filter: {}, clock: systemClock, ...options })
  const ready = async (queue: string) => (await channel.inspectQueue(queue)).messages
  return { connection, channel, swept, ready }
}

describe('failed tasks that are run again', () => {
  it('leave the queue of failures for their own', async () => {
    const { swept, ready } = await aBroker({}, { id: 'id-2' }, { id: 'id-3' })
    expect(await swept(retryFailed, { filter: { ids: new Set(['id-1', 'id-3']) } })).toMatchObject({
      meant: 2,
      retried: 2,
      left: 1,
    })
    expect([await ready('mail'), await ready('mail.failed')]).toEqual([2, 1])
  })

  it('are marked if they may have been sent before by one who died before the acknowledgement', async () => {
    const { connection, channel, swept } = await aBroker({})
    const dying = await connection.openChannel()
    const seen = await dying.get('mail.failed')
    expect(seen?.redelivered).toBe(false)
    await dying[Symbol.asyncDispose]()
    await swept(retryFailed)
    expect(readMarks((await channel.get('mail'))?.headers ?? {}).redelivered).toBe(true)
  })

  it('are marked if the run that failed may not have been the only one, and not otherwise', async () => {
    for (const redelivered of [true, false]) {
      const { channel, swept } = await aBroker({ redelivered })
      await swept(retryFailed)
      expect(readMarks((await channel.get('mail'))?.headers ?? {}).redelivered).toBe(redelivered)
    }
  })

  it('run once although two copies of their attempt are kept', async () => {
    const { swept, ready } = await aBroker({}, {})
    expect(await swept(retryFailed)).toMatchObject({ meant: 1, retried: 1, dropped: 0, left: 0 })
    expect([await ready('mail'), await ready('mail.failed')]).toEqual([1, 0])
  })

  it('stay where they are in a dry run', async () => {
    const { swept, ready } = await aBroker({}, {})
    expect(await swept(retryFailed, { dryRun: true })).toMatchObject({ meant: 1, retried: 0, left: 2 })
    expect(await ready('mail.failed')).toBe(2)
  })

  it('stay, with the reason, where they were kept without their arguments', async () => {
    const { swept, ready } = await aBroker({ part: 'headers' })
    const reason = 'it was kept without its arguments'
    expect(await swept(retryFailed)).toMatchObject({ refused: 1, reason, left: 1 })
    expect(await ready('mail.failed')).toBe(1)
  })

  it('stay where their queue was deleted', async () => {
    const { channel, swept, ready } = await aBroker({})
    await channel.deleteQueue('mail')
    await expect(swept(retryFailed)).rejects.toMatchObject({ code: 'TWQ_QUEUE_MISSING' })
    expect(await ready('mail.failed')).toBe(1)
  })

  it('are counted where they leave out a chord that is over', async () => {
    const { swept } = await aBroker({ chord: true }, { id: 'id-2' })
    expect(await swept(retryFailed)).toMatchObject({ retried: 2, withoutChord: 1 })
  })

  it('go to the queue that they are beside, whatever their headers say', async () => {
    const { swept, ready } = await aBroker({ queue: 'other' })
    await swept(retryFailed)
    expect([await ready('mail'), await ready('other')]).toEqual([1, 0])
  })
})

it('drops failed tasks with all of their copies, and leaves what no worker put there', async () => {
  const { channel, swept, ready } = await aBroker({}, {}, { id: 'id-2' })
  const foreign = { properties: {}, headers: {}, body: Buffer.from('foreign') }
  await channel.publish({ exchange: '', routingKey: 'mail.failed' }, foreign)
  expect(await swept(dropFailed)).toMatchObject({ meant: 2, dropped: 2, left: 1 })
  expect(await ready('mail.failed')).toBe(1)
})
