import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import module from 'node:module'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { aProject } from '../support/a-project.ts'
import { cleanEnvironment, runTwq, TWQ } from '../support/run-twq.ts'
import { tempFolder } from '../support/temp-folder.ts'

describe('help', () => {
  it.each<[string[], number]>([
    [['--help'], 38],
    [['task', 'send', '--help'], 34],
    [['inspect', '--help'], 30],
    [['control', '--help'], 30],
    [['worker', 'start', '--help'], 45],
  ])('of twq %j is on standard output, and fits %i lines', async (args, lines) => {
    const { status, stdout, stderr } = await runTwq(args)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^Usage: twq/)
    expect(stdout.trimEnd().split('\n').length).toBeLessThanOrEqual(lines)
  })

  it('of a command names the flags that all of them take', async () => {
    const { stdout } = await runTwq(['quarantine', 'list', '--help'])
    expect(stdout).toMatch(/\nEvery command takes -A, .*--json, -t, .*-b and --result-backend, too: see twq --help\n$/)
  })

  it('is the answer to a noun without a verb, as an error', async () => {
    for (const args of [[], ['worker'], ['task'], ['inspect']]) {
      const { status, stdout, stderr } = await runTwq(args)
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
      expect(stderr).toMatch(/^Usage: twq/)
    }
  })

  it('is also what the word help asks for', async () => {
    const [word, flag] = await Promise.all([runTwq(['help', 'task', 'send']), runTwq(['task', 'send', '--help'])])
    expect(word).toEqual({ ...flag, status: 0 })
    expect(flag.stdout).toContain("twq task send add '[2, 3]' --wait")
    expect((await runTwq(['help'])).stdout).toMatch(/^Exit statuses: 0 1 2 69 .*docs\/operations\.md#exit-statuses/m)
  })

  it.each(['help wrker', 'wrker --help', 'help task snd', 'task snd --help', 'task help snd', 'help task snd --json'])(
    'for a word that is no command is refused as that word is: %s',
    async (line) => {
      const args = line.split(' ')
      const plain = args.filter((word) => word !== 'help' && word !== '--help')
      const [asked, meant] = await Promise.all([runTwq(args), runTwq(plain)])
      expect(asked).toEqual(meant)
      expect(asked).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('Did you mean') })
    },
  )

  it('is not needed for the version', async () => {
    expect((await runTwq(['-V'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect((await runTwq(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

it.each<[string, number]>([
  ['18.20.8', 78],
  ['20.18.3', 78],
  ['20.19.0', 0],
  ['21.7.3', 78],
  ['22.2.0', 78],
  ['22.12.0', 0],
  ['24.0.0', 0],
])('under Node %s ends with status %i', async (node, expected) => {
  const versions = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${node}' } })`
  const { status, stderr } = await runTwq(['--version'], {
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(versions)}` },
  })
  const refused = `error: twq needs Node 20.19, 22.12 or newer, and this is ${node}\n  hint: Install a newer one: https://nodejs.org\n`
  expect({ status, stderr }).toEqual({ status: expected, stderr: expected === 0 ? '' : refused })
})

it("keeps compiled code in Node's cache, where Node has one", async () => {
  const temporary = tempFolder()
  await runTwq(['--version'], { env: { TMPDIR: temporary } })
  expect(existsSync(join(temporary, 'node-compile-cache'))).toBe('enableCompileCache' in module)
})

describe('a command line that can not be meant', () => {
  it.each<[string[], string[]]>([
    [['wrker'], ["error[TWQ_USAGE]: unknown command 'wrker'", 'hint: Did you mean worker?']],
    [
      ['multi', 'start', 'w1'],
      ["unknown command 'multi'", "hint: Celery's; here: let systemd"],
    ],
    [['inspect', 'query_task'], ["missing required argument 'ids'"]],
    [['control', 'pool_grow', 'many'], ["[n] must be a whole number, got 'many'"]],
    [['worker', 'stop'], ['name a worker, or say --all']],
    [
      ['worker', 'strat'],
      ["unknown command 'strat'", 'Did you mean start?'],
    ],
    [
      ['worker', 'start', '--queus', 'a'],
      ["unknown option '--queus'", 'Did you mean --queues?'],
    ],
    [['worker', 'start', 'x'], ['too many arguments']],
    [
      ['worker', 'start', '-D'],
      ['into the background', 'systemd'],
    ],
    [['worker', 'start', '-B'], ['holds no beat']],
    [['worker', 'start', '-O', 'fast'], [`-O must be 'default' or 'fair', got "fast"`]],
    [['worker', 'start', '--max-tasks', '0'], ['--max-tasks must be a positive whole number']],
    [['worker', 'health', '--live', '--ready'], ['cannot be used with']],
    [
      ['task', 'send'],
      ["missing required argument 'name'", 'See twq task send --help'],
    ],
    [['-o', 'xml', 'task', 'list'], ["argument 'xml' is invalid"]],
    [['-A', '', 'task', 'list'], ['--config needs a value, and was given an empty one']],
    [['failed', 'drop', '--text', '', '--yes'], ['--text needs a value']],
    [['worker', 'start', '--include='], ['--include needs a value']],
    [['--cwd', '/nowhere', 'task', 'list'], ["--cwd: can't work in /nowhere"]],
    [['task', 'send', 'add', '5'], ['the arguments must be a JSON array or object, got 5']],
    [
      ['task', 'send', 'add', '[1,'],
      ['the arguments are not JSON', "'[1, 2]'"],
    ],
    [
      ['task', 'send', 'add', '@nowhere.json'],
      ["the arguments can't be read from nowhere.json", 'ENOENT'],
    ],
    [['task', 'send', 'add', '--countdown', 'x'], ['--countdown must be a duration']],
    [['task', 'send', 'add', '--wait', '--result-backend', 'none'], ['--wait needs results']],
    [['inspect', 'ping', '--timeout', 'x'], ['--timeout must be a duration']],
  ])('%j ends with 2 and says why', async (args, expected) => {
    const { status, stdout, stderr } = await runTwq(args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    for (const part of expected) expect(stderr).toContain(part)
    expect(stderr).not.toContain('    at ')
  })

  it('is told to programs as JSON', async () => {
    const { stderr } = await runTwq(['--json', 'worker', 'strat'])
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'TWQ_USAGE', message: "unknown command 'strat'", hints: ['Did you mean start?'] },
    })
  })
})

describe('a worker that can not start', () => {
  it('names all that is wrong with its configuration, and ends with 78', async () => {
    using project = aProject({
      'worker.config.ts': "export default { concurrency: 'four', quues: ['a'], broker: 'http://u:secret@host' }",
    })
    const { status, stderr } = await runTwq(['worker', 'start'], {
      cwd: project.folder,
      env: { TWQ_ACKS: 'never' },
    })
    expect(status).toBe(78)
    expect(stderr).toContain('error[TWQ_CONFIG]: the configuration has 4 problems:')
    expect(stderr).toContain('concurrency must be a positive whole number, got "four" (from worker.config.ts)')
    expect(stderr).toContain('quues is not a setting; did you mean queues?')
    expect(stderr).toContain(`acks must be 'late' or 'early', got "never" (from TWQ_ACKS)`)
    expect(stderr).toContain('http://u:***@host')
  })

  it('says so when there is nothing to run', async () => {
    using project = aProject({ 'worker.config.ts': 'export default {}' })
    const { status, stderr } = await runTwq(['worker', 'start'], { cwd: project.folder })
    expect(status).toBe(78)
    expect(stderr).toContain('error[TWQ_TASKS]: there is no task to run')
    expect(stderr).toContain("hint: Name your task modules in worker.config.ts: tasks: ['./tasks/*.ts']")
  })

  it('says where it looked for a configuration when there is none', async () => {
    using project = aProject({})
    const [start, list] = await Promise.all(
      ['worker start', 'task list'].map((command) => runTwq(command.split(' '), { cwd: project.folder })),
    )
    expect([start?.status, list?.status]).toEqual([78, 0])
    for (const one of [start, list]) {
      expect(one?.stderr).toContain(`No worker.config.ts is in ${project.folder} or above it`)
      expect(one?.stderr).toContain('twq init')
    }
  })

  it('shows where an error comes from only with -v', async () => {
    using project = aProject({ 'worker.config.ts': 'export default { concurrency: 0 }' })
    expect((await runTwq(['worker', 'start'], { cwd: project.folder })).stderr).not.toContain('    at ')
    expect((await runTwq(['worker', 'start', '-v'], { cwd: project.folder })).stderr).toContain('    at ')
  })
})

describe('a broker that is not there', () => {
  // Port 1 is nobody's.
  const nowhere = 'amqp://guest:secret@127.0.0.1:1//'

  it.each([[['task', 'send', 'add', '[1, 2]']], [['inspect', 'ping']], [['inspect', 'active', '--json']]])(
    'ends twq %j with 69, a reason and no password',
    async (args) => {
      const { status, stdout, stderr } = await runTwq(args, { env: { TWQ_BROKER: nowhere } })
      expect({ status, stdout }).toEqual({ status: 69, stdout: '' })
      expect(stderr).toContain('TWQ_BROKER_UNREACHABLE')
      expect(stderr).toContain('127.0.0.1:1')
      expect(stderr).not.toContain('secret')
    },
  )

  it('is not needed to see the message that would be sent', async () => {
    const args = [
      'task',
      'send',
      'add',
      '-',
      '--dry-run',
      '--json',
      '--task-id',
      'an-id',
      '--header',
      'tenant=a',
      '--priority',
      '5',
    ]
    const { status, stdout } = await runTwq([...args, '--queue', 'sums'], {
      env: { TWQ_BROKER: nowhere },
      input: '{"x": 9007199254740993}',
    })
    expect(status).toBe(0)
    const message = JSON.parse(stdout)
    expect(message).toMatchObject({
      exchange: '',
      routing_key: 'sums',
      properties: { content_type: 'application/json', correlation_id: 'an-id', priority: 5 },
      headers: { task: 'add', id: 'an-id', tenant: 'a' },
    })
    expect(message.body).toMatch(/^\[\[\], ?\{"x": ?9007199254740993\},/)
  })
})

describe('a reader that leaves', () => {
  it('ends the command, as SIGPIPE does, without a word', async () => {
    using project = aProject({
      'worker.config.ts': "export default { tasks: ['./tasks.ts'] }",
      'tasks.ts': "import { defineTask } from 'twq'\nexport const one = defineTask({ name: 'one', run() {} })",
    })
    const child = spawn(process.execPath, [TWQ, '--json', 'task', 'list'], {
      cwd: project.folder,
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.destroy()
    const [complaints, [status]] = await Promise.all([text(child.stderr), once(child, 'close')])
    expect({ complaints, status }).toEqual({ complaints: '', status: 141 })
  })
})

it('says that its output can not be written, on a full disk, and what to do, and exits with 1', async () => {
  using project = aProject({})
  const full = openSync('/dev/full', 'w')
  const child = spawn(process.execPath, [TWQ, '--json', 'task', 'list'], {
    cwd: project.folder,
    env: cleanEnvironment(),
    stdio: ['ignore', full, 'pipe'],
  })
  closeSync(full)
  const [complaints, [status]] = await Promise.all([text(child.stderr as Readable), once(child, 'close')])
  expect(complaints).toMatch(/^error: the output can't be written: ENOSPC.*\n {2}hint: See that .* its disk has room/)
  expect(status).toBe(1)
})
