import { expect, it } from 'vitest'
import { signature } from '../../../src/canvas/signature.ts'
import { quarantineMessage } from '../../../src/protocol/headers/quarantine.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aProject, type Project } from '../../support/a-project.ts'
import { aWorker } from '../../support/a-worker.ts'
import { DebuggerClient } from '../../support/debugger-client.ts'
import { Program } from '../../support/program.ts'
import { startRedis } from '../../support/provision/redis.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { publishRaw, queueOnce, take, withChannel } from '../../support/raw-broker.ts'
import { cleanEnvironment, runTwq, TWQ } from '../../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'

const TASKS = `import { defineTask } from 'twq'

export const add = defineTask({
  name: 'add',
  positional: ['x', 'y'],
  async run({ x, y }, ctx) {
    await ctx.send('other', [x])
    return { sum: x + y, attempt: ctx.attempt, tenant: ctx.request.headers.tenant }
  },
})
`
const another = defineTask({ name: 'another', positional: ['given'], named: '*', run() {} })

function projectOf(): Project {
  return aProject({ 'worker.config.ts': "export default { tasks: ['./tasks.mjs'] }\n", 'tasks.mjs': TASKS })
}

/** Copies the next message of a queue to a queue of failed tasks, as a worker keeps one. */
async function keepAsFailed(queue: string, id: string): Promise<void> {
  const [message] = await take(queue, 1)
  const facts = {
    queue,
    id,
    task: 'add',
    route: { exchange: '', routingKey: queue },
    redelivered: false,
    node: 'w1@test',
  }
  const kept = quarantineMessage(message!, { ...facts, type: 'ValueError', detail: 'no', now: Date.now() })
  await publishRaw(`${queue}.failed`, kept.message)
}

it('runs a quarantined message of ours here; it stays, and what it sends goes nowhere', async () => {
  using project = projectOf()
  await using scene = await aWorker([another])
  const { queue } = scene
  const { id } = await scene.client.send('add', { x: 2, y: 3 }, { headers: { tenant: 'acme' }, retries: 2 })
  await queueOnce(`${queue}.quarantine`, ({ messages }) => messages === 1)
  const args = ['task', 'replay', id, '--queue', queue, '--broker', brokerUrl()]
  const { status, stdout, stderr } = await runTwq(args, { cwd: project.folder })
  expect(status, stderr).toBe(0)
  expect(JSON.parse(stdout)).toEqual({ sum: 5, attempt: 3, tenant: 'acme' })
  expect(stderr).toMatch(/note: from .*\.quarantine, where it was put at 20.*: NotRegistered/)
  expect(stderr).toMatch(/not sent: other\[/)
  await queueOnce(`${queue}.quarantine`, ({ messages }) => messages === 1)
  expect(await withChannel((channel) => channel.inspectQueue(queue))).toMatchObject({ messages: 0 })
})

it('runs a failed message of Python under a debugger, with the breakpoint hit', async () => {
  using project = projectOf()
  const queue = uniqueName('python')
  await runTwq(['queue', 'declare', queue, '--broker', brokerUrl()])
  await using caller = await PythonCaller.start({ broker: brokerUrl(), queue })
  const id = await caller.sendTask('add', [20, 22])
  await keepAsFailed(queue, id)
  const args = [
    'task',
    'replay',
    id,
    '--queue',
    queue,
    '--broker',
    brokerUrl(),
    '--inspect-brk',
    '127.0.0.1:0',
    '--json',
  ]
  await using program = new Program(process.execPath, [TWQ, ...args], { cwd: project.folder, env: cleanEnvironment() })
  const line = await program.until(/Debugger listening on ws:/)
  using debugging = await DebuggerClient.attach(/ws:\S+/.exec(line)?.[0] ?? '')
  await debugging.call('Debugger.enable')
  const lineNumber = TASKS.split('\n').findIndex((text) => text.includes('ctx.send'))
  await debugging.call('Debugger.setBreakpointByUrl', { urlRegex: '.*/tasks\\.mjs', lineNumber })
  await debugging.call('Runtime.runIfWaitingForDebugger')
  const isPaused = ({ method }: { method: string }): boolean => method === 'Debugger.paused'
  await debugging.events.untilCount(1, isPaused)
  await debugging.call('Debugger.resume')
  const [, there] = await debugging.events.untilCount(2, isPaused)
  expect(there?.params.hitBreakpoints).toHaveLength(1)
  await debugging.call('Debugger.resume')
  await program.until('"sum": 42')
  await program.until('"task": "other"')
  debugging[Symbol.dispose]()
  expect((await program.exit).code).toBe(0)
  expect(await withChannel((channel) => channel.inspectQueue(`${queue}.failed`))).toMatchObject({ messages: 1 })
  expect(await withChannel((channel) => channel.inspectQueue(queue))).toMatchObject({ messages: 0 })
})

it('sends what the task sends and what follows it, and keeps its result, where that is asked for', async () => {
  using project = projectOf()
  await using redis = await startRedis()
  await using scene = await aWorker([another])
  const { queue } = scene
  const { id } = await scene.client.send('add', [20, 22], { link: signature(another) })
  await queueOnce(`${queue}.quarantine`, ({ messages }) => messages === 1)
  const args = ['task', 'replay', id, '--send', '--json']
  const env = { TWQ_BROKER: brokerUrl(), TWQ_QUEUES: queue, TWQ_RESULT_BACKEND: redis.url }
  const { status, stdout, stderr } = await runTwq(args, { cwd: project.folder, env })
  expect(status, stderr).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ outcome: 'succeeded', not_sent: [] })
  await scene.log.until(({ event, task }) => event === 'task.succeeded' && task === 'another')
  await scene.log.until(({ event, task }) => event === 'message.quarantined' && task === 'other')
  const kept = await runTwq(['task', 'result', id], { env })
  expect(JSON.parse(kept.stdout)).toMatchObject({ sum: 42 })
})

it('says where it has looked for what is not there', async () => {
  using project = projectOf()
  const args = ['task', 'replay', 'x-1', '--queue', 'nowhere', '--broker', brokerUrl()]
  const { status, stderr } = await runTwq(args, { cwd: project.folder })
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringContaining('error[TWQ_MESSAGE_MISSING]: no message of x-1 is kept beside nowhere\n'),
  })
})
