import { afterAll, beforeAll, expect, it } from 'vitest'
import { RemoteTaskError } from '../../src/protocol/result/remote-task-error.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import type { Program } from '../support/program.ts'
import { startCeleryWorker } from '../support/python.ts'
import { PythonCaller } from '../support/python-caller.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'

// How a task failed, told across the border: the class by its name, its module, and its arguments.

const decline = defineTask({
  name: 'decline',
  positional: ['reason', 'code'],
  run({ reason, code }: { reason: string; code: number }) {
    throw new RemoteTaskError({ type: 'CardDeclined', module: 'proj', args: [reason, code], traceback: null })
  },
})
const names = ['TypeError', 'TimeoutError', 'CardExpired'] as const
const fails = defineTask({
  name: 'fails',
  positional: ['name'],
  run({ name }: { name: string }) {
    throw Object.assign(new Error('no'), { name })
  },
})

let ours: WorkerScene
let python: Program
let caller: PythonCaller
const pythonQueue = uniqueName('python')

beforeAll(async () => {
  ours = await aWorker([decline, fails])
  python = await startCeleryWorker({ broker: brokerUrl(), queue: pythonQueue })
  caller = await PythonCaller.start({ broker: brokerUrl(), queue: ours.queue })
})
afterAll(async () => {
  await caller?.[Symbol.asyncDispose]()
  await python?.[Symbol.asyncDispose]()
  await ours?.[Symbol.asyncDispose]()
})

it.each([
  ['Python', () => pythonQueue],
  ['ours', () => ours.queue],
])('a caller here gets the error of a worker of %s with class, module and arguments', async (_, queue) => {
  const sent = await ours.client.send('decline', ['declined', 402], { queue: queue() })
  await expect(sent.result()).rejects.toMatchObject({
    code: 'TWQ_TASK_FAILED',
    cause: { type: 'CardDeclined', name: 'CardDeclined', module: 'proj', args: ['declined', 402] },
  })
})

it('a caller in Python catches the class that a task here named', async () => {
  const id = await caller.sendTask('decline', ['declined', 402])
  await expect(caller.get(id)).rejects.toMatchObject({
    type: 'CardDeclined',
    module: 'proj',
    args: ['declined', 402],
    bases: expect.arrayContaining(['CardDeclined', 'Exception']),
  })
})

it.each(names)('a caller in Python gets a %s by its name', async (name) => {
  const id = await caller.sendTask('fails', [name])
  // There is no module twq.errors in Python: Celery makes a class of that name.
  const module = name === 'CardExpired' ? 'celery.exceptions' : 'builtins'
  await expect(caller.get(id)).rejects.toMatchObject({ type: name, module, args: ['no'] })
})
