import { describe, expect, it } from 'vitest'
import type { Channel } from '../../../src/broker/broker.ts'
import type { WrittenFailures } from '../../../src/config/options/failures.ts'
import { type FailedMessage, failedMessages } from '../../../src/queues/failed.ts'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import { Ignore, Reject } from '../../../src/tasks/attempt/control-flow.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import type { TaskSettings } from '../../../src/tasks/task.ts'
import { startTestWorker, type TestWorkerOptions } from '../../../src/testing.ts'

type Run = (attempt: number) => unknown

/** Runs a task once with a worker of its own, and tells what its queue of failures holds then, and what the task stored. */
async function aFailure(
  run: Run,
  settings: TaskSettings = {},
  config: TestWorkerOptions['config'] = {},
  prepare: (channel: Channel) => Promise<unknown> = async () => {},
) {
  let attempts = 0
  const task = defineTask({
    name: 'proj.fails',
    named: '*',
    ...settings,
    run: () => run(attempts++),
  })
  await using scene = await startTestWorker({ tasks: [task], config })
  const connection = await scene.broker.connect()
  const channel = await connection.openChannel()
  await prepare(channel)
  const handle = await scene.client.send(task, { secret: 'xyz' } as never)
  const error = handle.result({ timeout: 900_000 }).then(
    () => undefined,
    (reason: Error) => reason.message,
  )
  await scene.clock.pass('10m')
  const message = await error
  const failures: FailedMessage[] = []
  for await (const failure of failedMessages(connection, 'celery')) failures.push(failure)
  const left = (await channel.inspectQueue('celery')).messages
  return { id: handle.id, error: message, failures, left }
}

const fails = (): never => {
  throw new RangeError('no luck')
}

describe('a task that failed for good', () => {
  it('is kept with its error, its attempt and its message', async () => {
    const { id, failures, left } = await aFailure(fails)
    expect(failures).toMatchObject([
      {
        id,
        task: 'proj.fails',
        reason: 'RangeError',
        detail: 'no luck',
        traceback: expect.stringContaining('RangeError: no luck'),
        outcome: 'failed',
        attempts: 1,
        queue: 'celery',
        part: 'whole',
        first: undefined,
      },
    ])
    expect(Buffer.from(failures[0]?.original?.message.body ?? []).toString()).toContain('xyz')
    expect(left).toBe(0)
  })

  it('is kept once, after its last retry, with its first error and its last', async () => {
    const run: Run = (attempt) => {
      throw attempt === 0 ? new TypeError('at first') : new RangeError('at last')
    }
    const { failures } = await aFailure(run, { retry: { limit: 2, delay: { base: '1s', jitter: false } } })
    expect(failures).toMatchObject([
      {
        reason: 'RangeError',
        detail: 'at last',
        attempts: 3,
        first: { type: 'TypeError', detail: 'at first', retries: 0 },
      },
    ])
  })

  it('is kept also where its result is ignored', async () => {
    expect((await aFailure(fails, { ignoreResult: true })).failures).toMatchObject([{ reason: 'RangeError' }])
  })

  it('is kept also where its message was acknowledged when it started', async () => {
    expect((await aFailure(fails, { acks: 'early' })).failures).toMatchObject([{ reason: 'RangeError' }])
  })

  it('is kept when it ran into its time limit', async () => {
    const { failures } = await aFailure(() => new Promise(() => {}), { timeLimit: { hard: '1s' } })
    expect(failures).toMatchObject([{ reason: 'TimeLimitExceeded', outcome: 'timed-out' }])
  })

  it('is kept with the reason that it was rejected for, where its queue has no dead-letter exchange', async () => {
    const { failures, left } = await aFailure(() => {
      throw new Reject('no such address')
    })
    expect(failures).toMatchObject([{ reason: 'Reject', detail: 'no such address', outcome: 'rejected' }])
    expect(left).toBe(0)
  })

  it('is kept without its arguments where it asks for that', async () => {
    const { failures } = await aFailure(fails, { keepFailed: 'headers' })
    expect(failures).toMatchObject([{ reason: 'RangeError', part: 'headers' }])
    const { message } = failures[0]?.original ?? {}
    expect(message?.body).toHaveLength(0)
    expect(JSON.stringify(message?.headers)).not.toContain('xyz')
  })
})

describe('not kept is', () => {
  it.each<[string, Run, TaskSettings, WrittenFailures | 'drop' | undefined]>([
    ['a task that succeeded', () => 'done', {}, undefined],
    [
      'a task that asked to be ignored',
      () => {
        throw new Ignore()
      },
      { ignoreResult: true },
      undefined,
    ],
    ['a failed task that is not to be kept', fails, { keepFailed: false }, undefined],
    ['a failed task whose name the configuration leaves out', fails, {}, { drop: ['proj.*'] }],
  ])('%s', async (_title, run, settings, failures) => {
    expect((await aFailure(run, settings, failures === undefined ? {} : { failures })).failures).toEqual([])
  })

  it('a task that was rejected, where its queue has a dead-letter exchange', async () => {
    const rejects: Run = () => {
      throw new Reject('no')
    }
    const queues = [{ name: 'celery', deadLetter: { routingKey: 'dead' } }]
    const { failures } = await aFailure(rejects, {}, { queues }, (channel) =>
      channel.declareQueue({ name: 'dead', durable: true }),
    )
    expect(failures).toEqual([])
  })

  it('any failure where the configuration drops them: there is no queue for them', async () => {
    await expect(aFailure(fails, {}, { failures: 'drop' })).rejects.toMatchObject({ code: 'TWQ_QUEUE_MISSING' })
  })
})

describe('a queue of failures', () => {
  it('that takes nothing is told of with how many failures it did not keep, also those of the minute that followed', async () => {
    const told: { readonly event?: string; readonly times?: number }[] = []
    const destination = { write: (line: string) => void told.push(JSON.parse(line)) }
    const logger = createLogger({ level: 'warn', format: 'json', destination })
    const task = defineTask({ name: 'proj.fails', run: fails })
    await using scene = await startTestWorker({ tasks: [task], logger })
    const connection = await scene.broker.connect()
    const channel = await connection.openChannel()
    await channel.deleteQueue('celery.failed')
    const closed = { 'x-max-length': 0, 'x-overflow': 'reject-publish' }
    await channel.declareQueue({ name: 'celery.failed', durable: true, arguments: closed })
    for (let sent = 0; sent < 5; sent += 1) await scene.client.send(task)
    await scene.clock.pass('3m')
    const lines = told.filter(({ event }) => event === 'failure.not-kept')
    expect(lines.map(({ times }) => times)).toEqual([1, 4])
  })

  it('takes no result and no acknowledgement with it where it takes nothing', async () => {
    const { error, failures, left } = await aFailure(fails, {}, {}, async (channel) => {
      await channel.deleteQueue('celery.failed')
      const closed = { 'x-max-length': 0, 'x-overflow': 'reject-publish' }
      await channel.declareQueue({ name: 'celery.failed', durable: true, arguments: closed })
    })
    expect({ error, failures, left }).toEqual({ error: expect.stringContaining('no luck'), failures: [], left: 0 })
  })

  it('is declared again where it was deleted', async () => {
    const { failures } = await aFailure(fails, {}, {}, (channel) => channel.deleteQueue('celery.failed'))
    expect(failures).toHaveLength(1)
  })

  it('is there for a message that has to be kept, although failures are dropped', async () => {
    const { failures } = await aFailure(fails, { ackOnFailure: false }, { failures: 'drop' })
    expect(failures).toMatchObject([{ reason: 'RangeError', part: 'whole' }])
  })
})
