import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chain } from '../../src/canvas/chain.ts'
import { group } from '../../src/canvas/group.ts'
import { signature } from '../../src/canvas/signature.ts'
import type { Json } from '../../src/runtime/json.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import type { Program } from '../support/program.ts'
import { startCeleryWorker } from '../support/python.ts'
import { PythonCaller } from '../support/python-caller.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'

// The options of a send, as a worker in Python and one of ours hear them.

const go = deferred<void>()
const hold = defineTask({ name: 'hold', kwargsRepr: '{hidden}', run: () => go.promise })
// As Python's, of proj.py.
const insistent = defineTask({
  name: 'insistent',
  positional: ['limit', 'expires?'],
  retry: { limit: 0, automatic: false },
  run({ limit, expires }: { limit: number; expires?: number }, { retry, request: { retries } }) {
    if (expires !== undefined && retries === 0) return retry({ countdown: '2s', expires, limit })
    if (expires === undefined && retries < limit) return retry({ countdown: 0, limit })
    return retries
  },
})
const sentAs = defineTask({
  name: 'sent_as',
  positional: ['...args'],
  named: '*',
  run(_: { args?: readonly Json[]; [name: string]: unknown }, { request }) {
    const { args, kwargs, argsRepr, kwargsRepr, stampedHeaders, stamps } = request
    return { args, kwargs, argsrepr: argsRepr, kwargsrepr: kwargsRepr, stamped_headers: stampedHeaders, stamps }
  },
})

const stampsRest = defineTask({
  name: 'stamps_rest',
  positional: ['queue'],
  run: ({ queue }: { queue: string }, ctx) =>
    ctx.replace(signature('sent_as', [], { queue }), { stamps: { customer: 'acme' } }),
})

const stampsGroup = defineTask({
  name: 'stamps_group',
  positional: ['queue'],
  run: ({ queue }: { queue: string }, ctx) => {
    const member = signature('sent_as', [], { queue })
    return ctx.replace(group(member, member), { stamps: { customer: 'acme' } })
  },
})

let ours: WorkerScene
let python: Program
let caller: PythonCaller
const pythonQueue = uniqueName('python')

beforeAll(async () => {
  ours = await aWorker([hold, insistent, sentAs, stampsRest, stampsGroup])
  python = await startCeleryWorker({ broker: brokerUrl(), queue: pythonQueue })
  caller = await PythonCaller.start({ broker: brokerUrl(), queue: ours.queue })
})
afterAll(async () => {
  go.resolve()
  await caller?.[Symbol.asyncDispose]()
  await python?.[Symbol.asyncDispose]()
  await ours?.[Symbol.asyncDispose]()
})

const workers = [
  ['Python', () => pythonQueue],
  ['ours', () => ours.queue],
] as const

describe.each(workers)('a worker of %s', (_, queue) => {
  it('gets the arguments, and shows the texts that were chosen for them', async () => {
    const shown = { argsRepr: '(***)', kwargsRepr: '{***}' }
    const sent = await ours.client.send('sent_as', { card: '4111' }, { queue: queue(), ...shown })
    const expected = { kwargs: { card: '4111' }, argsrepr: '(***)', kwargsrepr: '{***}' }
    expect(await sent.result()).toMatchObject(expected)
    const step = signature('sent_as', { card: '4111' }, { queue: queue(), immutable: true, ...shown })
    const last = await ours.client.send(chain(step, step))
    expect(await last.result()).toMatchObject(expected)
  })

  it('hears stamps of a send and of every task of a workflow', async () => {
    const stamps = { customer: 'acme', batch: [7, 8] }
    const expected = { stamped_headers: expect.arrayContaining(['customer', 'batch']), stamps }
    const sent = await ours.client.send('sent_as', [], { queue: queue(), stamps })
    expect(await sent.result()).toMatchObject(expected)
    const step = signature('sent_as', [], { queue: queue(), immutable: true })
    const last = await ours.client.send(chain(step, step).stamp(stamps))
    expect(await last.result()).toMatchObject(expected)
    expect(await last.parent.result()).toMatchObject(expected)
    const again = await ours.client.send('insistent', [1], { queue: queue(), stamps })
    expect(await again.result()).toBe(1)
  })

  it('runs what follows a task that was replaced with stamps, with them', async () => {
    const next = signature('sent_as', [], { queue: queue(), immutable: true })
    const sent = await ours.client.send(chain(signature('stamps_rest', [queue()], { queue: ours.queue }), next))
    expect(await sent.result()).toMatchObject({ stamped_headers: ['customer'], stamps: { customer: 'acme' } })
  })

  it('runs each member of a group that replaced a task with stamps, with them', async () => {
    const sent = await ours.client.send('stamps_group', [queue()], { queue: ours.queue })
    const member = { stamped_headers: ['customer'], stamps: { customer: 'acme' } }
    expect(await sent.result()).toMatchObject([member, member])
  })

  it('revokes tasks by their stamps', async () => {
    const customer = uniqueName('customer')
    await caller.call('broadcast', {
      command: 'revoke_by_stamped_headers',
      arguments: { headers: { [customer]: ['gone'] } },
    })
    const sent = await ours.client.send('sent_as', [], { queue: queue(), stamps: { [customer]: 'gone' } })
    await expect(sent.result()).rejects.toMatchObject({ cause: { type: 'TaskRevokedError' } })
    const other = await ours.client.send('sent_as', [], { queue: queue(), stamps: { [customer]: 'here' } })
    expect(await other.result()).toMatchObject({ stamps: { [customer]: 'here' } })
  })

  it('retries as often as the request says, not as the task does', async () => {
    const sent = await ours.client.send('insistent', [3], { queue: queue() })
    expect(await sent.result()).toBe(3)
  })

  it('revokes a retry that has expired by when it is due', async () => {
    const late = await ours.client.send('insistent', [5, queue() === pythonQueue ? 1 : 1_000], { queue: queue() })
    await expect(late.result()).rejects.toMatchObject({ cause: { type: 'TaskRevokedError', args: ['expired'] } })
  })

  it.each(['gzip', 'zlib'] as const)('reads what is compressed by %s', async (compression) => {
    const text = 'x'.repeat(50_000)
    const sent = await ours.client.send('sent_as', [text], { queue: queue(), compression })
    expect(await sent.result()).toMatchObject({ args: [text] })
    const step = signature('sent_as', [text], { queue: queue(), compression, immutable: true })
    expect(await (await ours.client.send(chain(step, step))).result()).toMatchObject({ args: [text] })
  })
})

it('inspect shows the texts that a caller in Python, or the task itself, chose for its arguments', async () => {
  const id = await caller.sendTask('hold', [], { kwargs: { card: '4111' }, kwargsrepr: "{'card': '…11'}" })
  const own = await ours.client.send(hold, { card: '4111' } as never)
  await ours.log.untilCount(2, ({ event, task }) => event === 'task.received' && task === 'hold')
  const replies = (await caller.inspect('active')) as Record<string, { id: string; args: unknown; kwargs: unknown }[]>
  const shown = Object.fromEntries((replies[ours.worker.node] ?? []).map((task) => [task.id, task.kwargs]))
  expect(shown).toEqual({ [id]: "{'card': '…11'}", [own.id]: '{hidden}' })
  expect(JSON.stringify(ours.log.entries)).not.toContain('4111')
})
