import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chain } from '../../src/canvas/chain.ts'
import { signature } from '../../src/canvas/signature.ts'
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
const sentAs = defineTask({
  name: 'sent_as',
  run(kwargs, { request }) {
    const { args, argsRepr, kwargsRepr } = request
    return { args, kwargs, argsrepr: argsRepr, kwargsrepr: kwargsRepr }
  },
})

let ours: WorkerScene
let python: Program
let caller: PythonCaller
const pythonQueue = uniqueName('python')

beforeAll(async () => {
  ours = await aWorker([hold, sentAs])
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
