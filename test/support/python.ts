import { fileURLToPath } from 'node:url'
import { Program, readyOrClosed } from './program.ts'
import { type CeleryRelease, python } from './provision/python.ts'
import { celeryRelease } from './services.ts'

const SCRIPTS = fileURLToPath(new URL('../interop/python', import.meta.url))

/** Celery's own settings that a script of ours takes from its environment. */
export interface CelerySettings {
  readonly broker: string
  /** The Celery that runs it; that of the test file when left out. */
  readonly celery?: CeleryRelease
  /** 'rpc://' when left out. */
  readonly resultBackend?: string
  /** Where the application sends by default; Celery's 'celery' when left out. */
  readonly queue?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Starts a Python program: `['-m', 'celery', …]`, or the path of a script in test/interop/python. */
export async function startPython(
  args: readonly string[],
  settings: CelerySettings,
  options: { readonly stdin?: 'pipe' | 'ignore'; readonly cwd?: string } = {},
): Promise<Program> {
  const { command, env } = await python(settings.celery ?? celeryRelease())
  return new Program(command, args, {
    cwd: SCRIPTS,
    ...options,
    env: {
      ...env,
      BROKER_URL: settings.broker,
      RESULT_BACKEND: settings.resultBackend,
      QUEUE: settings.queue,
      ...settings.env,
    },
  })
}

/** Runs a script of test/interop/python to its end and answers with the JSON it printed last. */
export async function runPython(
  script: string,
  settings: CelerySettings,
  options: { readonly args?: readonly string[]; readonly input?: unknown } = {},
): Promise<unknown> {
  await using program = await startPython([script, ...(options.args ?? [])], settings, { stdin: 'pipe' })
  program.end(options.input === undefined ? '' : JSON.stringify(options.input))
  const { code } = await program.exit
  if (code !== 0) throw new Error(`${script} ended with status ${code}:\n${program.lines.tail()}`)
  return JSON.parse(program.output.entries.at(-1) ?? 'null')
}

/** Starts a Celery worker with the tasks of proj.py and waits until it consumes. */
export async function startCeleryWorker(
  settings: CelerySettings,
  options: {
    readonly pool?: 'solo' | 'threads' | 'prefork'
    readonly concurrency?: number
    readonly args?: readonly string[]
  } = {},
): Promise<Program> {
  const pool = ['--pool', options.pool ?? 'solo', '--concurrency', String(options.concurrency ?? 1)]
  const worker = await startPython(
    ['-m', 'celery', '-A', 'proj', 'worker', '--loglevel', 'INFO', ...pool, ...(options.args ?? [])],
    settings,
  )
  await readyOrClosed(worker, worker.until(/ ready\.$/))
  return worker
}
