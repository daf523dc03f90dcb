import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevBroker, startDevBroker } from '../../src/devbroker/server.ts'
import { aProject } from '../support/a-project.ts'
import { runTwq } from '../support/run-twq.ts'

// What newcomers do wrong, and what a command says to it: the cause, and what to do next.

const TASK =
  "import { defineTask } from 'twq'\nexport const add = defineTask({ name: 'add', positional: ['x', 'y'], run() {} })"
const CONFIG = "export default { tasks: ['./tasks/*.ts'] }"

interface Mistake {
  readonly files?: Readonly<Record<string, string>>
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly status: number
  /** What standard error must hold: the cause, and the next step. */
  readonly says: readonly (string | RegExp)[]
}

let broker: DevBroker
let taken: ReturnType<typeof createServer>
let port: number

beforeAll(async () => {
  broker = await startDevBroker({ users: { guest: 'guest' } })
  taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  port = (taken.address() as { port: number }).port
})
afterAll(async () => {
  taken.close()
  await broker.stop()
})

const NOBODY = 'amqp://127.0.0.1:1//'
const start = ['worker', 'start', '--dry-run']

/** By what somebody did. */
const mistakes: Readonly<Record<string, () => Mistake>> = {
  'names a port where nothing listens': () => ({
    args: ['task', 'send', 'add', '[1, 2]'],
    env: { TWQ_BROKER: NOBODY },
    status: 69,
    says: ['nothing listens at 127.0.0.1:1', 'Is RabbitMQ running there', 'npx twq dev'],
  }),
  'starts a worker where nothing listens': () => ({
    args: start,
    env: { TWQ_BROKER: NOBODY },
    status: 69,
    says: ['nothing listens at 127.0.0.1:1', 'npx twq dev'],
  }),
  'gives a wrong password': () => ({
    args: start,
    env: { TWQ_BROKER: `amqp://guest:wrong@127.0.0.1:${broker.port}//` },
    status: 78,
    says: ['login refused for user "guest"', 'hint:'],
  }),
  'names a host that there is not': () => ({
    args: ['task', 'send', 'add', '[1, 2]'],
    env: { TWQ_BROKER: 'amqp://no.such.host.invalid//' },
    status: 69,
    says: ['no.such.host.invalid', 'hint:'],
  }),
  'gives the URL of something else': () => ({
    args: start,
    env: { TWQ_BROKER: 'http://localhost:15672' },
    status: 78,
    says: ['broker must be a URL like', 'got "http://localhost:15672"', 'Correct TWQ_BROKER'],
  }),
  'has a glob that matches nothing': () => ({
    files: { 'worker.config.ts': "export default { tasks: ['./tsks/*.ts'] }" },
    args: start,
    status: 78,
    says: ['no file matches "./tsks/*.ts"'],
  }),
  'includes a glob that matches nothing': () => ({
    args: [...start, '-I', './tsks/*.ts'],
    status: 78,
    says: [/no file matches "\/.*\/tsks\/\*\.ts"\n/, 'those of -I at the working directory'],
  }),
  'has a task file that throws': () => ({
    files: { 'tasks/bad.ts': "throw new TypeError('oh no')" },
    args: start,
    status: 78,
    says: ['could not load tasks/bad.ts: TypeError: oh no', 'tasks/bad.ts:1'],
  }),
  'has a syntax error': () => ({
    files: { 'tasks/bad.ts': 'export const = 1' },
    args: start,
    status: 78,
    says: [/could not load tasks\/bad\.ts: .*bad\.ts:1:\d+/],
  }),
  'forgets to export a task': () => ({
    files: { 'tasks/add.ts': TASK.replace('export ', '') },
    args: start,
    status: 78,
    says: ['there is no task to run', 'Export what defineTask returns'],
  }),
  'gives two tasks one name': () => ({
    files: { 'tasks/again.ts': TASK },
    args: start,
    status: 78,
    says: ['two tasks are named "add": in tasks/add.ts and in tasks/again.ts'],
  }),
  'gives a task no name': () => ({
    files: { 'tasks/bad.ts': "import { defineTask } from 'twq'\nexport const x = defineTask({ run() {} } as never)" },
    args: start,
    status: 78,
    says: ['defineTask: name must be the name that callers send, got undefined', 'tasks/bad.ts:2'],
  }),
  "writes a task's settings as in Python": () => ({
    files: { 'tasks/add.ts': TASK.replace('run()', 'acks_late: true, run()') },
    args: start,
    status: 78,
    says: ["unknown setting 'acks_late'", "acks_late is Celery's; here: acks: 'late'"],
  }),
  'writes settings as in Python': () => ({
    files: { 'worker.config.ts': 'export default { task_acks_late: true }' },
    args: start,
    status: 78,
    says: ["task_acks_late is Celery's; here: acks: 'late'"],
  }),
  'misspells a setting, and gives others wrong values': () => ({
    files: { 'worker.config.ts': "export default { quues: ['a'], concurrency: 'four', pool: 'fork' }" },
    args: start,
    status: 78,
    says: [
      'the configuration has 3 problems',
      'quues is not a setting; did you mean queues? (from worker.config.ts)',
      'concurrency must be a positive whole number, got "four"',
      "pool must be 'async', 'threads', 'processes' or 'solo', got \"fork\"",
      'docs/configuration.md',
    ],
  }),
  'has two configuration files': () => ({
    files: { 'worker.config.json': '{}' },
    args: start,
    env: { TWQ_BROKER: NOBODY },
    status: 69,
    says: ['note: worker.config.ts is the configuration; worker.config.json beside it is not read'],
  }),
  'sets a variable of Celery that the file comes before': () => ({
    files: { 'worker.config.ts': `export default { broker: '${NOBODY}', tasks: ['./tasks/*.ts'] }` },
    args: start,
    env: { CELERY_BROKER_URL: 'amqp://u:secret@elsewhere//' },
    status: 69,
    says: [
      'note: CELERY_BROKER_URL has no effect: broker is set in worker.config.ts; remove it there, or set TWQ_BROKER',
    ],
  }),
  'misspells a variable': () => ({
    args: start,
    env: { TWQ_BROKER: NOBODY, TWQ_POOOL: 'threads' },
    status: 69,
    says: ['note: TWQ_POOOL is not a setting and has no effect; did you mean TWQ_POOL?'],
  }),
  'waits for a task that nothing runs': () => ({
    args: ['task', 'send', 'add', '[1, 2]', '--wait', '-t', '1s'],
    env: { TWQ_BROKER: broker.url },
    status: 124,
    says: [
      'no worker consumes celery: start one with npx twq worker start -Q celery, or npx twq dev',
      'has no result after',
    ],
  }),
  'wants results that are sent nowhere': () => ({
    args: ['task', 'send', 'add', '[1, 2]', '--wait', '--result-backend', 'none'],
    status: 2,
    says: ["--wait needs results, and the result backend is 'none'", 'Add --result-backend rpc://'],
  }),
  'gives arguments that are no JSON': () => ({
    args: ['task', 'send', 'add', '{x: 1}'],
    status: 2,
    says: ['the arguments are not JSON', "quote it for the shell: '[1, 2]'"],
  }),
  'gives a port that is taken': () => ({
    args: ['worker', 'start', '--health', `127.0.0.1:${port}`],
    env: { TWQ_BROKER: broker.url },
    status: 78,
    says: [`can't listen on 127.0.0.1:${port}`, 'Give --health another address'],
  }),
  'gives a log file that can not be written': () => ({
    args: ['worker', 'start', '--logfile', '/nowhere/worker.log'],
    env: { TWQ_BROKER: broker.url },
    status: 2,
    says: ["--logfile: can't write /nowhere/worker.log"],
  }),
  'has two workers write one pid file': () => ({
    files: { 'worker.pid': `${process.pid}\n` },
    args: ['worker', 'start', '--pidfile', 'worker.pid'],
    env: { TWQ_BROKER: broker.url },
    status: 73,
    says: [
      `worker.pid belongs to process ${process.pid}, which still runs`,
      `kill ${process.pid}`,
      'another --pidfile',
    ],
  }),
  'gives a file of another purpose for a pid file': () => ({
    args: ['worker', 'start', '--pidfile', 'worker.config.ts'],
    env: { TWQ_BROKER: broker.url },
    status: 73,
    says: ['worker.config.ts already exists and is not a pid file', 'Give --pidfile a path that nothing else uses'],
  }),
  'has a Redis for results that is away': () => ({
    args: ['task', 'send', 'add', '[1, 2]', '--wait', '-t', '1s', '--result-backend', 'redis://127.0.0.1:1/0'],
    env: { TWQ_BROKER: broker.url },
    status: 124,
    says: ["the result backend can't be reached", 'ECONNREFUSED 127.0.0.1:1', 'twq doctor'],
  }),
  'imports a module that there is not': () => ({
    files: { 'tasks/bad.ts': "import '@nope/lib'\n" },
    args: start,
    status: 78,
    says: ["Cannot find package '@nope/lib'", 'install the package it names', 'compilerOptions.paths'],
  }),
  'names a module of Python with -A': () => ({
    args: ['-A', 'proj.celery', ...start],
    status: 78,
    says: ['there is no configuration file', "Celery's -A names a module of Python"],
  }),
  'begins a project in a folder that takes no files': () => ({
    args: ['init', '/proc/twq-project'],
    status: 2,
    says: [/error\[TWQ_USAGE\]: the folder \/proc\/twq-project.* can't be made/, 'Take another folder'],
  }),
  'asks for the health of a worker that is not there, with a very long time-out': () => ({
    args: ['worker', 'health', '--socket', '/nowhere/worker.sock', '-t', '50d'],
    status: 69,
    says: ['no worker listens on /nowhere/worker.sock'],
  }),
  'asks for a queue that does not exist, quietly': () => ({
    args: ['queue', 'show', 'nope', '-q'],
    env: { TWQ_BROKER: broker.url },
    status: 1,
    says: ['error[TWQ_QUEUE_MISSING]: there is no queue nope', 'twq queue declare nope'],
  }),
  'replays a task of which no message is kept, for a program': () => ({
    args: ['task', 'replay', 'x-1', '--json'],
    env: { TWQ_BROKER: broker.url },
    status: 1,
    says: [/^\{"error":\{"code":"TWQ_MESSAGE_MISSING","message":"no message of x-1 is kept beside celery"/],
  }),
  'runs a task that fails, quietly': () => ({
    files: { 'tasks/add.ts': TASK.replace('run() {}', "run() { throw new Error('no sum') }") },
    args: ['task', 'run', 'add', '[1, 2]', '-q'],
    status: 1,
    says: [/note: add\[.*\] failed: Exception\('no sum'\)/],
  }),
  'leaves out the word start': () => ({
    args: ['worker', '-Q', 'a'],
    status: 2,
    says: ["unknown option '-Q'", 'A worker is started with: twq worker start -Q a'],
  }),
}

describe('somebody who', () => {
  it.each(Object.entries(mistakes))('%s is told why, and what to do', async (_what, mistake) => {
    const { files = {}, args, env = {}, status, says } = mistake()
    using project = aProject({ 'worker.config.ts': CONFIG, 'tasks/add.ts': TASK, ...files })
    const ended = await runTwq(args, { cwd: project.folder, env })
    expect(ended.status, ended.stderr).toBe(status)
    for (const part of says) {
      if (typeof part === 'string') expect(ended.stderr).toContain(part)
      else expect(ended.stderr).toMatch(part)
    }
    expect(ended.stderr).not.toContain('secret')
    expect(ended.stdout).toBe('')
  })
})
