import { once } from 'node:events'
import { readdirSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type Client, createClient } from '../../../src/client/create-client.ts'
import { type DevBroker, startDevBroker } from '../../../src/devbroker/server.ts'
import { aProject, type Project } from '../../support/a-project.ts'
import { Program } from '../../support/program.ts'
import { freePort } from '../../support/provision/free-ports.ts'
import { cleanEnvironment, runTwq } from '../../support/run-twq.ts'
import { pollUntil } from '../../support/until.ts'
import { TWQ } from '../../support/worker-process.ts'

const CONFIG = `export default { tasks: ['./tasks/*.ts'] }`

function tasks(sum: string): string {
  return `
    import { defineTask } from 'twq'
    import { setTimeout as sleep } from 'node:timers/promises'
    export const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => ${sum} })
    export const fail = defineTask({ name: 'fail', run() { throw new RangeError('no good') } })
    export const pid = defineTask({ name: 'pid', run: () => process.pid })
    export const wait = defineTask({
      name: 'wait',
      async run(_args: {}, ctx) {
        ctx.log.info({}, 'waiting')
        await sleep(3_600_000, undefined, { signal: ctx.signal })
      },
    })`
}

/** `twq dev` in a project of its own, with a broker that the test has started. */
class RunningDev implements AsyncDisposable {
  readonly program: Program
  readonly client: Client
  readonly #project: Project
  readonly #broker: DevBroker

  private constructor(project: Project, broker: DevBroker, args: readonly string[]) {
    this.#project = project
    this.#broker = broker
    this.client = createClient({ broker: broker.url })
    const env = { ...cleanEnvironment(), TWQ_BROKER: broker.url }
    this.program = new Program(process.execPath, [TWQ, 'dev', ...args], { cwd: project.folder, env })
  }

  static async start(files: Readonly<Record<string, string>>, ...args: string[]): Promise<RunningDev> {
    const started = new RunningDev(aProject(files), await startDevBroker(), args)
    await started.says(/ready in \d+ ms|could not start/)
    return started
  }

  says(pattern: string | RegExp): Promise<string> {
    return this.program.until(pattern)
  }

  /** Writes a file, and resolves when twq has said this of it. */
  async edit(path: string, content: string, answer: RegExp): Promise<string> {
    const from = this.program.lines.entries.length
    writeFileSync(join(this.#project.folder, path), content)
    return await this.program.lines.until((line) => answer.test(line), { from })
  }

  write(path: string, content: string): void {
    writeFileSync(join(this.#project.folder, path), content)
  }

  async run(task: string, ...args: number[]): Promise<unknown> {
    return await (await this.client.send(task, args)).result({ timeout: '20s' })
  }

  /** Kills it, in whatever state it is, and waits for its workers to end: none may outlive it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close()
    await this.program[Symbol.asyncDispose]()
    await pollUntil(
      'workers live',
      () => processesIn(this.#project.folder),
      (pids) => pids.length === 0,
    )
    await this.#broker.stop()
    this.#project[Symbol.dispose]()
  }
}

it('needs nothing: it brings a broker where the configured one is not there, which a second process finds', async () => {
  const broker = `amqp://guest:guest@localhost:${await freePort()}//`
  using project = aProject({
    'worker.config.ts': `export default { broker: '${broker}', tasks: ['./tasks/*.ts'] }`,
    'tasks/all.ts': tasks('x + y'),
  })
  await using program = new Program(process.execPath, [TWQ, 'dev'], { cwd: project.folder, env: cleanEnvironment() })
  await program.until('ready in')
  expect(program.lines.entries.join('\n')).toContain(`broker   ${broker} (built in: not for production)`)
  const [command = ''] = program.output.entries.filter((line) => line.includes('npx twq task send'))
  expect(command.trim()).toBe(`npx twq task send add '[2, 3]' --wait`)

  const sent = await runTwq(['task', 'send', 'add', '[2, 3]', '--wait'], { cwd: project.folder })
  expect(sent).toEqual({ status: 0, stdout: '5\n', stderr: '' })
  expect(await program.until('add(')).toMatch(/^\d\d:\d\d:\d\d {2}add\(2, 3\) = 5 {2}\d+(\.\d)? ms$/)
  program.signal('SIGINT')
  expect(await program.exit).toEqual({ code: 0, signal: null })
})

it('takes another port where something else listens on the configured one, and says how to find it', async () => {
  const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  try {
    const config = `export default { broker: 'amqp://localhost:${port}//', tasks: ['./tasks.ts'] }`
    using project = aProject({ 'worker.config.ts': config, 'tasks.ts': tasks('x + y') })
    await using program = new Program(process.execPath, [TWQ, 'dev'], { cwd: project.folder, env: cleanEnvironment() })
    await program.until('ready in')
    const [, url = ''] = / --wait --broker (\S+)$/m.exec(program.output.entries.join('\n')) ?? []
    expect(url).not.toContain(`:${port}/`)
    const sent = await runTwq(['task', 'send', 'add', '[2, 3]', '--wait', '--broker', url])
    expect(sent).toMatchObject({ status: 0, stdout: '5\n' })
  } finally {
    other.close()
  }
})

it('does not go on without a broker that was named', async () => {
  const { status, stderr } = await runTwq(['dev', '--broker', 'amqp://guest:secret@127.0.0.1:1//'])
  expect(status).toBe(69)
  expect(stderr).toContain('error[TWQ_BROKER_UNREACHABLE]: nothing listens at 127.0.0.1:1')
  expect(stderr).toContain('to use the one that is built in')
  expect(stderr).not.toContain('secret')
})

it('runs a sample where there is no configuration, and shows what tasks log and how they fail', async () => {
  await using sample = await RunningDev.start({})
  expect(await sample.run('add', 2, 3)).toBe(5)
  await sample.says('add(2, 3) = 5')

  await sample.edit(
    'worker.config.ts',
    `export default { tasks: ['./mine.ts'] }`,
    /could not start .*earlier one goes on/,
  )
  await sample.edit('mine.ts', tasks('x - y'), /ready: add, fail, pid, wait/)
  await expect(sample.run('fail')).rejects.toThrow('RangeError')
  await sample.says('fail() failed: RangeError: no good')
  await sample.says('    at Object.run')
})

it('reloads what changed, and goes on with the earlier code when the new one is broken', async () => {
  await using dev = await RunningDev.start({ 'worker.config.ts': CONFIG, 'tasks/all.ts': tasks('x + y') })
  expect(await dev.run('add', 2, 3)).toBe(5)
  await dev.edit('tasks/all.ts', tasks('x * y'), /ready: /)
  await dev.says('changed: tasks/all.ts')
  expect(await dev.run('add', 2, 3)).toBe(6)

  await dev.edit('tasks/all.ts', 'export const add = {{', /could not start .*the earlier one goes on/)
  await dev.says('error[TWQ_TASKS]: could not load tasks/all.ts')
  expect(await dev.run('add', 2, 3)).toBe(6)
  await dev.edit('tasks/all.ts', tasks('x - y'), /ready: /)
  expect(await dev.run('add', 2, 3)).toBe(-1)
})

const LIBRARY = {
  'worker.config.ts': CONFIG,
  'tasks/all.ts': `import { sum } from '../lib/sum.ts'\n${tasks('sum(x, y)')}`,
  'lib/sum.ts': 'export const sum = (x: number, y: number) => x + y',
  'lib/unused.ts': '',
}

it('reloads for what the tasks import, and not for other sources', async () => {
  await using dev = await RunningDev.start(LIBRARY)
  dev.write('lib/unused.ts', 'export const broken = {{')
  await dev.edit('lib/sum.ts', 'export const sum = (x: number, y: number) => x * y', /changed: lib\/sum\.ts$/)
  await dev.says('ready: ')
  expect(await dev.run('add', 2, 3)).toBe(6)
  dev.write('lib/unused.ts', '')
  await dev.edit('tasks/more.ts', tasks('0').replaceAll(`name: '`, `name: 'more.`), /changed: tasks\/more\.ts$/)
  await dev.says(/ready: .*more\.add/)
  expect(dev.program.output.entries.join('\n')).not.toContain('unused')
})

it('reloads when the file of a plugin changes: the new plugin starts, and the earlier one stops', async () => {
  const plugin = (mark: string) => `
    export const marking = {
      name: 'marking',
      start: ({ logger }) => {
        logger.info({}, 'plugin ${mark} starts')
        return () => logger.info({}, 'plugin ${mark} stops')
      },
      aroundAttempt: async (attempt, next) => '${mark} ' + (await next()),
    }`
  await using dev = await RunningDev.start({
    'worker.config.ts': `
      import { marking } from './plugins/marking.ts'
      export default { tasks: ['./tasks/*.ts'], plugins: [marking] }`,
    'plugins/marking.ts': plugin('first'),
    'tasks/all.ts': tasks('x + y'),
  })
  expect(await dev.run('add', 2, 3)).toBe('first 5')
  await dev.edit('plugins/marking.ts', plugin('second'), /ready: /)
  await dev.says('changed: plugins/marking.ts')
  await dev.says('plugin second starts')
  await dev.says('plugin first stops')
  expect(await dev.run('add', 2, 3)).toBe('second 5')
  await dev.edit('plugins/marking.ts', 'const broken =', /could not start .*the earlier one goes on/)
  expect(await dev.run('add', 2, 3)).toBe('second 5')
})

it('reloads when a module that could not be loaded is mended', async () => {
  await using dev = await RunningDev.start(LIBRARY)
  await dev.edit(
    'tasks/all.ts',
    `import '../lib/missing.ts'\n${tasks('x - y')}`,
    /could not start .*earlier one goes on/,
  )
  await dev.edit('lib/missing.ts', 'export const {', /could not start .*earlier one goes on/)
  await dev.edit('lib/missing.ts', 'export {}', /ready: /)
  expect(await dev.run('add', 2, 3)).toBe(-1)
  dev.write('lib/unused.ts', '//')
  await dev.edit('lib/missing.ts', 'export const there = 1', /changed: lib\/missing\.ts$/)
})

it.each(['commonjs', 'module'] as const)('reloads for what JavaScript of type %s loads, data too', async (type) => {
  const [load, loadJson, exported] =
    type === 'module'
      ? [`import { sum } from './sum.js'`, `import data from './data.json' with { type: 'json' }`, 'export const sum =']
      : [`const { sum } = require('./sum.js')`, `const data = require('./data.json')`, 'exports.sum =']
  const files = {
    'package.json': JSON.stringify({ type, workspaces: [] }),
    'worker.config.json': JSON.stringify({ tasks: ['./add.js'] }),
    'add.js':
      type === 'module'
        ? `import { defineTask } from 'twq'\n${load}\n${loadJson}\nexport const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }) => sum(x, y) + data.more })`
        : `const { defineTask } = require('twq')\n${load}\n${loadJson}\nexports.add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }) => sum(x, y) + data.more })`,
    'sum.js': `${exported} (x, y) => x + y`,
    'data.json': '{ "more": 100 }',
    'other.js': '',
  }
  await using dev = await RunningDev.start(files)
  expect(await dev.run('add', 2, 3)).toBe(105)
  dev.write('other.js', '// changed')
  await dev.edit('sum.js', `${exported} (x, y) => x * y`, /changed: sum\.js$/)
  await dev.says('ready: add')
  expect(await dev.run('add', 2, 3)).toBe(106)
  await dev.edit('data.json', '{ "more": 200 }', /changed: data\.json$/)
})

it('waits for a change when the first code is broken', async () => {
  await using dev = await RunningDev.start({ 'worker.config.ts': CONFIG, 'tasks/all.ts': 'export const' })
  await dev.says(/could not start .*waiting for a change/)
  await dev.edit('tasks/all.ts', tasks('x + y'), /ready in/)
  expect(await dev.run('add', 2, 3)).toBe(5)
})

it('lets what runs finish on the code it started with', async () => {
  await using dev = await RunningDev.start({ 'worker.config.ts': CONFIG, 'tasks/all.ts': tasks('x + y') })
  await dev.client.send('wait')
  await dev.says('waiting')
  const before = await dev.run('pid')
  await dev.edit('tasks/all.ts', tasks('x * y'), /ready: /)
  expect(isAlive(before)).toBe(true)
  expect(await dev.run('pid')).not.toBe(before)
  dev.program.signal('SIGQUIT')
  await dev.says('wait() interrupted')
  expect(await dev.program.exit).toMatchObject({ code: 1 })
  expect(isAlive(before)).toBe(false)
})

it('leaves no process behind on Ctrl-C', async () => {
  await using dev = await RunningDev.start({ 'worker.config.ts': CONFIG, 'tasks/all.ts': tasks('x + y') })
  const worker = await dev.run('pid')
  dev.program.signal('SIGINT')
  expect(await dev.program.exit).toMatchObject({ code: 0 })
  expect(isAlive(worker)).toBe(false)
})

it('leaves no process behind when it is killed', async () => {
  await using dev = await RunningDev.start({ 'worker.config.ts': CONFIG, 'tasks/all.ts': tasks('x + y') })
  const worker = await dev.run('pid')
  dev.program.signal('SIGKILL')
  await dev.program.exit
  await pollUntil(
    'the worker lives',
    () => isAlive(worker),
    (alive) => !alive,
  )
})

it('leaves no process behind when it is killed while a worker loads its modules', async () => {
  await using dev = await RunningDev.start({ 'worker.config.ts': CONFIG, 'tasks/all.ts': tasks('x + y') })
  await dev.edit('tasks/all.ts', tasks('x * y'), /changed: tasks\/all\.ts$/)
})

it('leaves no process behind when it is killed while a task blocks the event loop', async () => {
  const blocking = `
    import { writeSync } from 'node:fs'
    import { defineTask } from 'twq'
    export const block = defineTask({ name: 'block', run() { writeSync(1, 'blocking\\n'); for (;;); } })`
  await using dev = await RunningDev.start({ 'worker.config.ts': CONFIG, 'tasks/all.ts': blocking })
  await dev.client.send('block')
  await dev.says('blocking')
})

it('hands its flags on to the worker, and names the broker where others would not find it', async () => {
  const files = { 'other.config.ts': CONFIG, 'tasks/all.ts': tasks('x + y') }
  await using dev = await RunningDev.start(files, '--config', 'other.config.ts', '--queues', 'sums')
  expect(await (await dev.client.send('add', [2, 3], { queue: 'sums' })).result({ timeout: '20s' })).toBe(5)
  const shown = dev.program.output.entries.join('\n')
  expect(shown).toMatch(/npx twq task send add '\[2, 3\]' --wait --broker amqp:\/\/guest:guest@127\.0\.0\.1:\d+\/\//)
  expect(shown).toContain(`queue: 'sums'`)
  expect(shown).toContain(`queue='sums'`)
})

/** The processes that were started in a folder and live; zombies have no folder. */
function processesIn(folder: string): readonly string[] {
  const path = realpathSync(folder)
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && folderOf(name) === path)
}

function folderOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    // It has ended.
    return undefined
  }
}

function isAlive(pid: unknown): boolean {
  try {
    process.kill(pid as number, 0)
    return true
  } catch {
    return false
  }
}

it('runs schedules, and those of a changed configuration from the next due time on', async () => {
  const config = (args: string) =>
    `export default { tasks: ['./tasks/*.ts'], schedules: { often: { task: 'add', args: ${args}, every: '1s' } } }`
  const files = { 'worker.config.ts': config('[2, 3]'), 'tasks/all.ts': tasks('x + y') }
  await using dev = await RunningDev.start(files)
  await dev.says('add(2, 3) = 5')
  dev.write('worker.config.ts', config('[4, 5]'))
  await dev.says('add(4, 5) = 9')
  // It does not wait for other workers, which might still have what was taken back.
  const taken = dev.program.lines.entries.length
  dev.write('worker.config.ts', config('[2, 3]'))
  await dev.program.lines.until((line) => line.includes('add(2, 3) = 5'), { from: taken })
  const { leader, entries } = await dev.client.schedules.list()
  expect(leader).toMatch(/^dev\d+@/)
  expect(entries.map(({ name, state }) => [name, state])).toEqual([['often', 'active']])
})
