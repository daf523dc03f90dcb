import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { aProject } from '../../support/a-project.ts'
import { runTwq } from '../../support/run-twq.ts'

interface Flag {
  readonly names: readonly string[]
  readonly value: boolean
  readonly choices?: readonly string[]
}

/** The flags of `celery worker`, and those that stand before it, as click knows them. */
const flagsOf = (version: string): readonly Flag[] => {
  const url = new URL(`../../golden/celery-${version}-names.json`, import.meta.url)
  const { workerFlags, globalFlags } = JSON.parse(readFileSync(url, 'utf8'))
  return [...workerFlags, ...globalFlags]
}

// What else their values may be: a number is taken wherever a text is.
const VALUES: Readonly<Record<string, string>> = {
  '--hostname': 'w1@%h',
  '--statedb': 'state.db',
  '--autoscale': '10,3',
  '--queues': 'a,b',
  '--exclude-queues': 'z',
  '--include': './more.ts',
  '--logfile': 'worker.log',
  '--pidfile': 'worker.pid',
  '--app': 'worker.config.ts',
  '--config': 'worker.config.ts',
  '--broker': 'amqp://127.0.0.1:1//',
  '--result-backend': 'rpc://',
  '--workdir': '.',
}

// Flags that can't be left out unseen, and a word of what to do instead.
const REFUSED: Readonly<Record<string, string>> = {
  '--detach': 'systemd',
  '--beat': 'celery -b amqp://… beat',
  '--schedule-filename': 'celery -b amqp://… beat',
  '--schedule': 'celery -b amqp://… beat',
  '-s': 'celery -b amqp://… beat',
  '--scheduler': 'celery -b amqp://… beat',
  '--uid': 'systemd (User=',
  '--gid': 'systemd (User=',
  '--umask': 'umask 027',
  '--executable': 'Start twq with the Node',
  '--loader': 'tasks:',
}

/** Every spelling of a flag with a value that it takes. */
const spellings = [...flagsOf('5.2.6'), ...flagsOf('5.6.3')].flatMap(({ names, value, choices }) => {
  const long = names.find((name) => name.startsWith('--')) ?? (names[0] as string)
  const text = choices?.[0] ?? VALUES[long] ?? '5'
  // `--version` prints it, and ends.
  return long === '--version' ? [] : names.map((name) => ({ name, long, args: value ? [name, text] : [name] }))
})
const refused = spellings.filter(({ name, long }) => name in REFUSED || long in REFUSED)
const taken = spellings.filter((spelling) => !refused.includes(spelling))

const choicesOf = (name: string): readonly string[] =>
  flagsOf('5.6.3').find(({ names }) => names.includes(name))?.choices ?? []

describe('a flag of celery worker, of 5.2 and of 5.6', () => {
  const project = aProject({
    'worker.config.ts': "export default { tasks: ['./tasks.ts'] }",
    'tasks.ts': "import { defineTask } from 'twq'\nexport const one = defineTask({ name: 'one', run() {} })",
    'more.ts': "import { defineTask } from 'twq'\nexport const two = defineTask({ name: 'two', run() {} })",
  })
  afterAll(() => project[Symbol.dispose]())
  const start = (args: readonly string[]) =>
    runTwq(['worker', 'start', '--dry-run', ...args], {
      cwd: project.folder,
      // Nothing listens there: what gets so far has been taken.
      env: { TWQ_BROKER: 'amqp://127.0.0.1:1//' },
    })

  it('is taken in every spelling that does not change what the worker is', async () => {
    expect(taken.length).toBeGreaterThan(80)
    const { status, stderr } = await start(taken.flatMap(({ args }) => args))
    expect(status, stderr).toBe(69)
  })

  it.each(Object.keys(REFUSED))('%s is refused with what to do instead', async (flag) => {
    const { args } = refused.find(({ name }) => name === flag) ?? { args: [] }
    const { status, stderr } = await start(args)
    expect(status, stderr).toBe(2)
    expect(stderr).toContain(REFUSED[flag])
  })

  it.each(choicesOf('--loglevel'))('-l %s means a level of ours', async (level) => {
    const { status, stderr } = await start(['-l', level])
    expect(status, stderr).toBe(69)
  })

  it.each(choicesOf('--pool'))('-P %s means a pool of ours, or those are named', async (pool) => {
    const { status, stderr } = await start(['-P', pool])
    if (pool !== 'custom') expect(status, stderr).toBe(69)
    else expect(stderr).toContain("pool must be 'async', 'threads', 'processes' or 'solo', got \"custom\"")
  })

  it.each([
    ['--without-gossip', 'note: --without-gossip has no effect: workers here take no part in gossip'],
    ['--without-mingle', 'note: --without-mingle has no effect: a worker asks the others what was revoked'],
    ['--disable-prefetch', 'note: --disable-prefetch has no effect: a worker holds a message for each slot'],
    ['--skip-checks', "note: --skip-checks has no effect: they are Django's checks"],
    ['-Odefault', 'note: -O default has no effect'],
    ['-lCRITICAL', "note: logLevel 'CRITICAL' is Celery's word for 'fatal'"],
    ['-lWarning', "note: logLevel 'Warning' is Celery's word for 'warn'"],
  ])('%s has a note', async (flag, note) => {
    expect((await start([flag])).stderr).toContain(note)
  })

  it('without the word start is told the whole command', async () => {
    const hintOf = async (args: readonly string[]) => (await runTwq(args)).stderr.split('hint: ')[1]?.trim()
    expect(await hintOf(['worker', '-Q', 'a', '-c', '2', '-l', 'info'])).toBe(
      'A worker is started with: twq worker start -Q a -c 2 -l info',
    )
    expect(await hintOf(['-A', 'proj', 'worker', '--loglevel', "it's"])).toBe(
      "A worker is started with: twq -A proj worker start --loglevel 'it'\\''s'",
    )
  })
})
