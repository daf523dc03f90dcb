import { fileURLToPath } from 'node:url'
import { aProject, type Project } from './a-project.ts'
import { Program, readyOrClosed } from './program.ts'
import { Journal } from './until.ts'

const TWQ = fileURLToPath(new URL('../../bin/twq.js', import.meta.url))

/** One line of the worker's log. */
export interface LogRecord {
  readonly event?: string
  readonly level: string | number
  readonly msg: string
  readonly [field: string]: unknown
}

export interface TwqWorkerOptions {
  /** The folder of a user's project, where worker.config.ts is looked for; left out, one is made of `tasks` and `config`. */
  readonly project?: string
  /** The source of the task file of that project; it may import 'twq'. */
  readonly tasks?: string
  /** The default export of its worker.config.ts, beside the task file. */
  readonly config?: Readonly<Record<string, unknown>>
  /** The `--broker` flag; left out when the configuration or the environment says it. */
  readonly broker?: string
  /** More of the command line. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** `twq worker start` in a process of its own, with its log. */
export class TwqWorker implements AsyncDisposable {
  readonly program: Program
  readonly log: Journal<LogRecord>
  readonly #made: Project | undefined

  constructor(program: Program, made: Project | undefined) {
    this.program = program
    this.log = logOf(program)
    this.#made = made
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
    this.#made?.[Symbol.dispose]()
  }
}

/** Starts a worker and waits until it is ready. */
export async function startTwqWorker(options: TwqWorkerOptions): Promise<TwqWorker> {
  const made = options.project === undefined ? projectOf(options) : undefined
  const broker = options.broker === undefined ? [] : ['--broker', options.broker]
  const program = new Program(process.execPath, [TWQ, 'worker', 'start', ...broker, ...(options.args ?? [])], {
    cwd: options.project ?? made?.folder ?? '.',
    env: options.env ?? {},
  })
  const worker = new TwqWorker(program, made)
  await readyOrClosed(worker, worker.until('worker.ready'))
  return worker
}

function projectOf({ tasks = '', config = {} }: TwqWorkerOptions): Project {
  return aProject({
    'worker.config.ts': `export default ${JSON.stringify({ tasks: ['./tasks.ts'], ...config }, undefined, 2)}\n`,
    'tasks.ts': tasks,
  })
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
