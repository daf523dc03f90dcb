import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join, relative } from 'node:path'
import { globSync } from 'tinyglobby'
import { linkDependencies } from '../support/an-example.ts'
import { Program } from '../support/program.ts'
import { run } from '../support/provision/command.ts'
import { freePort } from '../support/provision/free-ports.ts'
import type { Block } from './blocks.ts'
import { runDockerfile } from './dockerfile.ts'

/** The broker of the documents; in a story every mention of it means the broker of the tests. */
const DOCUMENTED_BROKER = 'amqp://guest:guest@localhost:5672//'
/** Where the workers of the documents answer probes; in a story a port that is free. */
const DOCUMENTED_HEALTH = '127.0.0.1:9808'

/** Where the servers of the documents listen; in a story on a port that is free. */
const DOCUMENTED_SERVER = '127.0.0.1:3000'

/** Where the Django site of the documents listens; in a story on a port that is free. */
const DOCUMENTED_SITE = '127.0.0.1:8000'

/** Where the monitor of the documents listens; in a story on a port that is free. */
const DOCUMENTED_MONITOR = '127.0.0.1:5555'

/** Commands that a story does not run, since the tests' own provisioning has done what they are for. */
const PROVIDED: ReadonlySet<string> = new Set([
  'docker run --rm -p 5672:5672 rabbitmq:4',
  'sudo apt install rabbitmq-server',
  'python3 -m venv .venv',
  '. .venv/bin/activate',
  'pip install -r requirements.txt',
  'npm install',
])

/** Commands that run tests: whoever reads this test's result has run them, and from within it they would not end. */
const RUNS_TESTS =
  /^(npm ci && )?(npm test$|npm run (check|test:brokers|fuzz|bench|acceptance)( -- |$)|npx vitest run )/

/** Commands that stay in the foreground: how they are known, and the line that says they are up. */
const STAYING = [
  { command: /\btwq (worker start|dev)\b/, ready: /worker\.ready|ready in \d+ ms/ },
  { command: /\bflask\b.*\brun\b/, ready: /Running on/ },
  { command: /\bmanage\.py runserver\b/, ready: /Quit the server/ },
  { command: /\bcelery\b.*\bworker\b/, ready: /celery@\S+ ready/ },
  { command: /^npx tsx main\.ts$/, ready: /worker\.ready/ },
  { command: /\btwq monitor\b/, ready: /^http:/ },
  { command: /^npx tsx app\.ts$/, ready: /^listening\b/ },
]

// The first npx in a fresh copy builds the project once more: npx installs the folder that it is called in into its own
// cache, which runs `prepare`. On a busy machine that takes a while.
const FIRST_START = 280_000

/** Folders that programs make beside the code; an example has packages of its own. */
const MADE: ReadonlySet<string> = new Set(['__pycache__', 'node_modules'])

// What must not come from the environment that runs the tests.
const FOREIGN = /^(TWQ_|CELERY_|NODE_ENV$|NODE_OPTIONS$|FORCE_COLOR$|VITEST|npm_|SMTP_URL$|SPOOL_DIR$)/

/** Where a story is told: the broker for it, and a Python that has Celery, Flask and Django. */
export interface Setting {
  readonly project: string
  readonly broker: string
  readonly python: { readonly command: string; readonly env: Readonly<Record<string, string>> }
}

/** A reader who does what the documents say, from the top down, in a fresh copy of the project. */
export class Story implements AsyncDisposable {
  readonly #setting: Setting
  readonly #root: string
  readonly #health: string
  readonly #server: string
  readonly #monitor: string
  readonly #site: string
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #staying = new Map<RegExp, Program>()
  /** The TypeScript files that the documents have the reader write. */
  readonly written: string[] = []

  private constructor(
    setting: Setting,
    root: string,
    ports: Readonly<Record<'health' | 'server' | 'monitor' | 'site', number>>,
  ) {
    this.#setting = setting
    this.#health = `127.0.0.1:${ports.health}`
    this.#server = `127.0.0.1:${ports.server}`
    this.#monitor = `127.0.0.1:${ports.monitor}`
    this.#site = `127.0.0.1:${ports.site}`
    this.#root = root
    const foreign = Object.keys(process.env).filter((name) => FOREIGN.test(name))
    this.#env = {
      ...Object.fromEntries(foreign.map((name) => [name, undefined])),
      ...setting.python.env,
      PATH: [dirname(setting.python.command), process.env.PATH].join(delimiter),
      // So that nothing ever reaches a server on the standard port, or waits for an answer from far away.
      TWQ_BROKER: setting.broker,
      CELERY_BROKER_URL: setting.broker,
      FLASK_RUN_PORT: '0',
      PORT: String(ports.server),
      // Whose workers are asked how they are.
      XDG_RUNTIME_DIR: root,
      TMPDIR: root,
      npm_config_cache: join(root, 'npm-cache'),
      npm_config_prefer_offline: 'true',
      npm_config_audit: 'false',
      npm_config_update_notifier: 'false',
    }
  }

  static async begin(setting: Setting): Promise<Story> {
    const root = await mkdtemp(join(tmpdir(), 'twq-readme-'))
    const left = new Set(['node_modules', 'build', 'dist', '.git', 'spool'])
    await cp(setting.project, join(root, 'twq'), {
      recursive: true,
      filter: (path) => !left.has(relative(setting.project, path)) && !MADE.has(basename(path)),
    })
    for (const example of globSync('examples/*/package.json', { cwd: join(root, 'twq'), absolute: true })) {
      linkDependencies(dirname(example), join(root, 'twq'))
    }
    await shareDownloads(join(root, 'npm-cache'))
    return new Story(setting, root, {
      health: await freePort(),
      server: await freePort(),
      monitor: await freePort(),
      site: await freePort(),
    })
  }

  /** The reader's copy of the project. */
  get folder(): string {
    return join(this.#root, 'twq')
  }

  /** Does what a block says; resolves with what it printed. Rejects when a command fails. */
  async tell(block: Block): Promise<string> {
    const text = block.text
      .replaceAll(DOCUMENTED_BROKER, this.#setting.broker)
      .replaceAll(DOCUMENTED_HEALTH, this.#health)
      .replaceAll(DOCUMENTED_SERVER, this.#server)
      .replaceAll(DOCUMENTED_MONITOR, this.#monitor)
      .replaceAll(DOCUMENTED_SITE, this.#site)
    switch (block.language) {
      case 'sh':
        return await this.#type(text)
      case 'python':
        return await this.#run(['python3', '-c', text], this.folder)
      case 'ts':
        return await this.#write(text)
      case 'dockerfile':
        return await this.#ship(text)
      default:
        throw new Error(`no reader knows what to do with a block of ${block.language}`)
    }
  }

  /** Runs one command in the copy of the project. */
  async #run(command: readonly [string, ...string[]], cwd: string): Promise<string> {
    const [file, ...args] = command
    await using program = new Program(file, args, { cwd, env: this.#env })
    const { code, signal } = await program.exit
    if (code !== 0) throw new Error(`${file} ended with ${signal ?? `status ${code}`}:\n${program.lines.tail()}`)
    return program.output.entries.join('\n')
  }

  async #type(text: string): Promise<string> {
    const commands = text.split('\n').filter((command) => !PROVIDED.has(command) && !RUNS_TESTS.test(command))
    for (const command of text.split('\n').filter((line) => RUNS_TESTS.test(line))) await this.#checkTests(command)
    const script = ['set -eu', ...commands].join('\n')
    const stays = STAYING.find(({ command }) => command.test(commands.at(-1) ?? ''))
    if (stays === undefined) return await this.#run(['bash', '-c', script], this.folder)
    await this.#interrupt(stays.command)
    const program = new Program('bash', ['-c', script], { cwd: this.folder, env: this.#env })
    this.#staying.set(stays.command, program)
    await program.lines.until((line) => stays.ready.test(line), { within: FIRST_START })
    return ''
  }

  /** Presses Ctrl-C where such a command already runs: every process of the terminal's group gets the signal. */
  async #interrupt(command: RegExp): Promise<void> {
    const program = this.#staying.get(command)
    this.#staying.delete(command)
    if (program?.pid === undefined) return
    process.kill(-program.pid, 'SIGINT')
    await program.exit
  }

  /** The script that a command names must exist and know the flags that it gives; what Vitest is to run must be there. */
  async #checkTests(command: string): Promise<void> {
    const [, path] = /^npx vitest run (\S+)$/.exec(command) ?? []
    if (path !== undefined) return void (await stat(join(this.folder, path)))
    const { scripts } = JSON.parse(await readFile(join(this.folder, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    const [script = '', given = ''] = command.replace(/^(npm ci && )?npm (run )?/, '').split(' -- ')
    if (scripts[script] === undefined) throw new Error(`package.json has no script "${script}"`)
    const flags = given.split(' ').filter((word) => word.startsWith('--'))
    if (flags.length === 0) return
    const help = await this.#run(['npm', 'run', '-s', script, '--', '--help'], this.folder)
    const unknown = flags.filter((flag) => !help.includes(`${flag} `))
    if (unknown.length > 0) throw new Error(`npm run ${script} does not know ${unknown}:\n${help}`)
  }

  /** A file of the project must be shown as it is; any other is written. */
  async #write(text: string): Promise<string> {
    const [, path] = /^\/\/ (\S+\.ts)$/.exec(text.split('\n')[0]!) ?? []
    if (path === undefined) throw new Error('the first line of a TypeScript block names its file: // tasks/add.ts')
    const content = text.slice(text.indexOf('\n') + 1)
    const there = path.startsWith('../')
      ? undefined
      : await readFile(join(this.#setting.project, path), 'utf8').catch(() => undefined)
    if (there === undefined) await writeFile(join(this.folder, path), `${content}\n`)
    else if (there.replaceAll(DOCUMENTED_BROKER, this.#setting.broker).trim() !== content.trim()) {
      throw new Error(`${path} is not as the document shows it:\n${there}`)
    }
    this.written.push(path)
    return ''
  }

  /** Builds and runs a Dockerfile, in the folder that its first line names. */
  async #ship(text: string): Promise<string> {
    const [, path] = /^# (\S*Dockerfile)$/.exec(text.split('\n')[0]!) ?? []
    if (path === undefined) throw new Error('the first line of a Dockerfile block names it: # ../my-worker/Dockerfile')
    const context = dirname(join(this.folder, path))
    if (!(await stat(context)).isDirectory()) throw new Error(`${context} is no folder`)
    await runDockerfile(text, {
      context,
      image: join(this.#root, 'image'),
      run: (command, cwd) => this.#run(['bash', '-c', command], cwd),
      start: (command, cwd) => new Program(command[0]!, command.slice(1), { cwd, env: this.#env }),
      ready: STAYING[0]!.ready,
    })
    return ''
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#staying.values()) await program[Symbol.asyncDispose]()
    await rm(this.#root, { recursive: true, force: true })
  }
}

/** Makes an npm cache that has the downloads of the user's own, and goes with the story; npx keeps folders in a cache. */
async function shareDownloads(cache: string): Promise<void> {
  const downloads = join((await run('npm', ['config', 'get', 'cache'])).trim(), '_cacache')
  await mkdir(downloads, { recursive: true })
  await mkdir(cache)
  await symlink(downloads, join(cache, '_cacache'))
}
