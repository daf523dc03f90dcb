import { fileURLToPath } from 'node:url'
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
  /** The folder of the user's project: where worker.config.ts is looked for. */
  readonly project: string
  /** More of the command line. */
  readonly args?: readonly string[]
  /** Its broker, say, as TWQ_BROKER. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** `twq worker start` in a process of its own, with its log. */
export class TwqWorker implements AsyncDisposable {
  readonly program: Program
  readonly log: Journal<LogRecord>

  constructor(program: Program) {
    this.program = program
    this.log = logOf(program)
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

  /** Kills it if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]()
  }
}

/** Starts a worker and waits until it is ready. */
export async function startTwqWorker({ project, args = [], env = {} }: TwqWorkerOptions): Promise<TwqWorker> {
  const program = new Program(process.execPath, [TWQ, 'worker', 'start', ...args], { cwd: project, env })
  const worker = new TwqWorker(program)
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
