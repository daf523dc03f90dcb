import { afterAll, beforeAll, expect, it } from 'vitest'
import { chain } from '../../../src/canvas/chain.ts'
import { signature } from '../../../src/canvas/signature.ts'
import { exitCodeOf } from '../../../src/cli/terminal/exit-codes.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { queueOnce } from '../../support/raw-broker.ts'
import { brokerUrl, ctl, uniqueName, vhost } from '../../support/services.ts'

const user = uniqueName('user')
const url = () => Object.assign(new URL(brokerUrl()), { username: user, password: 'secret' }).href
const allow = (write: string) => ctl('set_permissions', '-p', vhost(), user, '.*', write, '.*')
const NOT_THE_DEFAULT_EXCHANGE = '^(?!amq\\.default$).*$'

beforeAll(() => ctl('add_user', user, 'secret'))
afterAll(() => ctl('delete_user', user))

it('a worker that may not publish to queues does not start, and says what to grant', async () => {
  await allow(NOT_THE_DEFAULT_EXCHANGE)
  await using scene = await aWorker([defineTask({ name: 'add', run: () => 3 })], { broker: url() }, { started: false })
  const refused = await scene.worker.start().catch((error: unknown) => error)
  expect(refused).toMatchObject({
    code: 'TWQ_BROKER_PERMISSION',
    message: expect.stringContaining('amq.default'),
    hint: expect.stringContaining('rabbitmqctl set_permissions'),
  })
  expect(exitCodeOf(refused)).toBe(78)
})

it.each([
  ['a result', (queue: string) => signature('count', [], { queue })],
  [
    'the next step of a chain',
    (queue: string) => chain(signature('count', [], { queue }), signature('count', [], { queue })),
  ],
])(
  'a worker that loses the permission with %s in hand takes nothing, runs nothing twice, and goes on when it has it again',
  async (_title, canvas) => {
    await allow('.*')
    const runs: string[] = []
    const count = defineTask({
      name: 'count',
      positional: ['before?'],
      run: (_: { before?: number }, ctx) => runs.push(ctx.request.id),
    })
    const queue = uniqueName('forbidden')
    await using scene = await aWorker([count], { broker: url(), queues: [queue], concurrency: 2 })
    await allow(NOT_THE_DEFAULT_EXCHANGE)
    const sent = await scene.client.send(canvas(queue))
    expect(await scene.logged('worker.halted')).toMatchObject({ hint: expect.stringContaining('set_permissions') })
    await queueOnce(queue, ({ consumers }) => consumers === 0)
    expect(scene.worker.report().failing).toContainEqual({
      check: 'outcomes',
      why: expect.stringContaining('amq.default'),
    })
    const later = await scene.client.send(count, {})
    await queueOnce(queue, ({ messages }) => messages === 1)
    expect(runs).toHaveLength(1)
    await allow('.*')
    await scene.logged('worker.resumed')
    await sent.result({ timeout: '30s' })
    await later.result({ timeout: '30s' })
    expect(new Set(runs).size).toBe(runs.length)
    await queueOnce(queue, ({ messages, consumers }) => messages === 0 && consumers === 1)
    expect(scene.worker.report().failing).toEqual([])
  },
)
