import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aProject, type Project } from '../support/a-project.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import type { Program } from '../support/program.ts'
import { whyNoCelery } from '../support/provision/python.ts'
import { startCeleryWorker } from '../support/python.ts'
import { type Finished, runTwq } from '../support/run-twq.ts'
import { brokerUrl, ctl, uniqueName, vhost } from '../support/services.ts'

// What a RabbitMQ and workers refuse, and what a command says to it: the cause, and what to do next.

const TASK = "import { defineTask } from 'twq'\nexport const add = defineTask({ name: 'add', run() {} })"

const greet = defineTask({ name: 'greet', positional: ['name'], run: ({ name }: { name: string }) => `hello ${name}` })
const functions = defineTask({ name: 'functions', run: () => ({ call: () => 1 }) as unknown as null })

let project: Project
let ours: WorkerScene
let python: Program
const pythonQueue = uniqueName('python')

beforeAll(async () => {
  project = aProject({ 'worker.config.ts': "export default { tasks: ['./tasks.ts'] }", 'tasks.ts': TASK })
  ours = await aWorker([greet, functions])
  python = await startCeleryWorker({ broker: brokerUrl(), queue: pythonQueue })
})
afterAll(async () => {
  await python?.[Symbol.asyncDispose]()
  await ours?.[Symbol.asyncDispose]()
  project?.[Symbol.dispose]()
})

function twq(args: readonly string[], broker = brokerUrl()): Promise<Finished> {
  return runTwq(args, { cwd: project.folder, env: { TWQ_BROKER: broker } })
}

function send(queue: string, task: string, ...args: readonly string[]): Promise<Finished> {
  return twq(['task', 'send', task, ...args, '--wait', '-t', '8s', '--queue', queue])
}

describe('a task that is sent and waited for', () => {
  it.each([
    ['of ours', () => ours.queue, 'gret', "NotRegistered('gret')", 'did you mean greet?'],
    ['of Python', () => pythonQueue, 'boomm', "NotRegistered('boomm')", 'did you mean boom?'],
    ['of Python, like no other', () => pythonQueue, 'x'.repeat(30), 'NotRegistered(', 'they have add, at, '],
  ])(
    'under a name that the worker %s does not know is answered with those that it knows',
    async (_, queue, ...rest) => {
      const [task, says, hint] = rest
      const { status, stderr } = await send(queue(), task)
      expect(status, stderr).toBe(1)
      expect(stderr).toContain(says)
      expect(stderr).toContain(`hint: No worker that answers has a task ${task}`)
      expect(stderr).toContain(hint)
    },
  )

  it.each([
    ['ours', () => ours.queue, 'greet', "unexpected keyword argument 'nam'; did you mean 'name'?"],
    ['Python', () => pythonQueue, 'add', "unexpected keyword argument 'nam'"],
  ])('with an argument that a task of %s does not have is told so, and how arguments are given', async (...given) => {
    const [, queue, task, says] = given
    const { status, stderr } = await send(queue(), task, '{"nam": "ada"}')
    expect(status, stderr).toBe(1)
    expect(stderr).toContain(says)
    expect(stderr).toContain('hint: A JSON array holds positional arguments, an object named ones; twq task list')
  })

  it.each([
    ['ours', () => ours.queue, 'functions', 'result.call is a function: it has no JSON form'],
    ['Python', () => pythonQueue, 'unsendable', 'is not JSON serializable'],
  ])('whose result of %s has no JSON form is told so, and what has one', async (_, queue, task, says) => {
    const { status, stderr } = await send(queue(), task)
    expect(status, stderr).toBe(1)
    expect(stderr).toContain(says)
    expect(stderr).toContain('hint: A task returns what JSON can hold')
  })

  // Newer ones send the result of such a task to a caller that wants it.
  it('that ignores its results is told of while it is waited for, and at the end', async ({ skip }) => {
    skip(whyNoCelery('5.2') !== undefined, whyNoCelery('5.2') ?? '')
    const queue = uniqueName('older-python')
    await using _worker = await startCeleryWorker({ broker: brokerUrl(), queue, celery: '5.2' })
    const { status, stderr } = await send(queue, 'silent')
    expect(status, stderr).toBe(124)
    const remark = /silent ignores its results \(ignore_result\) on \S+: perhaps none will come/
    expect(stderr).toMatch(new RegExp(`note: ${remark.source}`))
    expect(stderr).toMatch(new RegExp(`hint: ${remark.source}`))
  })
})

describe('a broker', () => {
  const user = uniqueName('ann')
  const as = (path = `/${encodeURIComponent(vhost())}`): string =>
    Object.assign(new URL(brokerUrl()), { username: user, password: 'secret', pathname: path }).href

  beforeAll(async () => {
    await ctl('add_user', user, 'secret')
  })
  afterAll(async () => {
    await ctl('delete_user', user)
  })

  it('without the virtual host has it created', async () => {
    for (const args of [
      ['worker', 'start'],
      ['task', 'send', 'add'],
    ]) {
      const { status, stderr } = await twq(args, as('/no-such'))
      expect(status, stderr).toBe(78)
      expect(stderr).toContain('there is no vhost "no-such"')
      expect(stderr).toContain('cause: 530 NOT_ALLOWED')
      expect(stderr).toContain('rabbitmqctl add_vhost no-such')
    }
  })

  it('whose virtual host is not for this user says how it is allowed', async () => {
    const { status, stderr } = await twq(['worker', 'start'], as())
    expect(status, stderr).toBe(78)
    expect(stderr).toContain(`user "${user}" may not use the vhost "${vhost()}"`)
    expect(stderr).toContain(`rabbitmqctl set_permissions -p ${vhost()} ${user}`)
  })

  it.each([
    ['configure', ['^$', '.*', '.*']],
    ['write', ['.*', '^$', '.*']],
    ['read', ['.*', '.*', '^$']],
  ])('that does not permit to %s says so to a worker, and how it is granted', async (permission, three) => {
    await ctl('set_permissions', '-p', vhost(), user, ...three)
    const { status, stderr } = await twq(['worker', 'start', '--queues', uniqueName('mistaken')], as())
    expect(status, stderr).toBe(78)
    expect(stderr).toContain(`refused for user '${user}'`)
    expect(stderr).toContain(`hint: The ${permission} permission is missing.`)
    expect(stderr).toContain(`rabbitmqctl list_user_permissions ${user}`)
    expect(stderr).toContain('docs/operations.md#what-rabbitmq-must-permit')
  })
})
