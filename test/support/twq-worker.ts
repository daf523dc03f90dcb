import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Program, readyOrClosed } from './program.ts'
import { Journal } from './until.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TWQ = join(ROOT, 'bin/twq.js')

/** One line of the worker's log. */
export interface LogRecord {
  readonly event?: string
  readonly level: string | number
  readonly msg: string
  readonly [field: string]: unknown
}

export interface TwqWorkerOptions {
  /** The `--broker` flag; left out when the configuration or the environment says it. */
  readonly broker?: string
  /** The default export of worker.config.ts, beside the task file that `tasks` makes; or the source of the whole file. */
  readonly config?: Readonly<Record<string, unknown>> | string
  /** The source of the task file: it may import 'twq'. */
  readonly tasks?: string
  /** More files by their path: `{ 'lib/mail.ts': '…' }`. */
  readonly files?: Readonly<Record<string, string>>
  /** A project that exists, instead of one made of the above. */
  readonly project?: string
  /** More of the command line. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Makes a project of somebody who uses twq: a configuration, a task file and `twq` among its packages. */
export async function aProject(options: Pick<TwqWorkerOptions, 'config' | 'tasks' | 'files'>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'twq-project-'))
  const config =
    typeof options.config === 'string'
      ? options.config
      : `export default ${JSON.stringify({ tasks: ['./tasks.ts'], ...options.config }, undefined, 2)}\n`
  const files = {
    'package.json': '{ "type": "module" }\n',
    'worker.config.ts': config,
    'tasks.ts': options.tasks ?? 'export {}\n',
    ...options.files,
  }
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  await mkdir(join(folder, 'node_modules'))
  await symlink(ROOT, join(folder, 'node_modules/twq'))
  await symlink(join(ROOT, 'node_modules/zod'), join(folder, 'node_modules/zod'))
  return folder
}

/** Runs any twq command as a user does. */
export function startTwq(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string | undefined>> } = {},
): Program {
  return new Program(process.execPath, [TWQ, ...args], options)
}

/** `twq worker start` in a process of its own, with its log. */
export class TwqWorker implements AsyncDisposable {
  readonly program: Program
  readonly log: Journal<LogRecord>
  readonly #folder: string | undefined

  constructor(program: Program, folder: string | undefined) {
    this.program = program
    this.log = logOf(program)
    this.#folder = folder
  }

  get exit(): Program['exit'] {
    return this.program.exit
  }

  /** The first log line of this event, `worker.ready` say, that has these fields. */
  until(event: string, fields: Readonly<Record<string, unknown>> = {}): Promise<LogRecord> {
    return this.log.until((record) => record.event === event && hasFields(record, fields))
  }

  /** The log lines of this event so far. */
  records(event: string): LogRecord[] {
    return this.log.entries.filter((record) => record.event === event)
  }

  signal(name: NodeJS.Signals): void {
    this.program.signal(name)
  }

  /** Kills it if it still runs, and deletes the project made for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]()
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true })
  }
}

/** Starts a worker without waiting for anything. */
export async function launchTwqWorker(options: TwqWorkerOptions): Promise<TwqWorker> {
  const made = options.project === undefined ? await aProject(options) : undefined
  const broker = options.broker === undefined ? [] : ['--broker', options.broker]
  const args = ['worker', 'start', ...broker, ...(options.args ?? [])]
  const program = startTwq(args, {
    cwd: options.project ?? made ?? '.',
    ...(options.env && { env: options.env }),
  })
  return new TwqWorker(program, made)
}

/** Starts a worker and waits until it is ready. */
export async function startTwqWorker(options: TwqWorkerOptions): Promise<TwqWorker> {
  const worker = await launchTwqWorker(options)
  await readyOrClosed(worker, worker.until('worker.ready'))
  return worker
}

function logOf(program: Program): Journal<LogRecord> {
  const log = new Journal<LogRecord>()
  program.lines.listen((line) => {
    const record = asRecord(line)
    if (record) log.push(record)
  })
  void program.exit.then(() => log.end(new Error(`the worker has ended; its last lines:\n${program.lines.tail()}`)))
  return log
}

function asRecord(line: string): LogRecord | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as LogRecord
  } catch {
    return undefined
  }
}

function hasFields(record: LogRecord, fields: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(fields).every(([name, value]) => record[name] === value)
}
