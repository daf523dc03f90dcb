import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { FollowedFile } from './followed-file.ts'
import { exitOf, killGroup, NO_AUTHORITIES, spawnGuarded } from './provision/guarded.ts'

/** The command as npm links it. */
export const TWQ = resolve(import.meta.dirname, '../../bin/twq.js')

export interface WorkerOptions {
  readonly url: string
  /** Path of the configuration file. */
  readonly config: string
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** How to call twq; by default as npm's link to it does. */
  readonly command?: readonly string[]
  /** The file that its log goes to, as in production. */
  readonly log: string
}

/**
 * A `twq worker start` whose log goes to a file, as in production, so that the worker never waits for whoever measures it
 * (a test that reads every line of the log has TwqWorker). It ends with this process.
 */
export class WorkerProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #log: FollowedFile
  readonly #seen: Map<string, number>

  private constructor(child: ChildProcess, log: FollowedFile, seen: Map<string, number>) {
    this.#child = child
    this.#log = log
    this.#seen = seen
  }

  /** Starts it without waiting. */
  static spawn(options: WorkerOptions): WorkerProcess {
    const seen = new Map<string, number>()
    const log = new FollowedFile(options.log, (line) => {
      const event = eventOf(line)
      if (event !== undefined) seen.set(event, (seen.get(event) ?? 0) + 1)
    })
    // The shell is replaced by node: the process id and the signals are the worker's own.
    const shell = ['-c', 'exec "$@" >>"$0" 2>&1', options.log]
    const command = options.command ?? [process.execPath, TWQ]
    const flags = ['worker', 'start', '--config', options.config, ...(options.flags ?? [])]
    const env = { ...NO_AUTHORITIES, ...options.env, TWQ_BROKER: options.url }
    const child = spawnGuarded('bash', [...shell, ...command, ...flags], { env })
    return new WorkerProcess(child, log, seen)
  }

  /** Starts it and resolves when it consumes. */
  static async start(options: WorkerOptions): Promise<WorkerProcess> {
    const worker = WorkerProcess.spawn(options)
    try {
      await worker.until('worker.ready')
      return worker
    } catch (error) {
      await worker.kill9()
      throw error
    }
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** The path of its log. */
  get log(): string {
    return this.#log.path
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves when it has ended, however that came. */
  async ended(): Promise<void> {
    await exitOf(this.#child)
  }

  /** How often the log has told of an event so far. */
  count(event: string): number {
    this.#log.read()
    return this.#seen.get(event) ?? 0
  }

  /** Resolves once the log has told of an event `times` times; rejects with the end of the log when the worker ended instead. */
  async until(event: string, times = 1, timeout = 60_000): Promise<void> {
    const told = this.#log.until(() => (this.#seen.get(event) ?? 0) >= times, `${event} × ${times}`, timeout)
    const ended = exitOf(this.#child).then(({ code, signal }) => {
      if (this.count(event) < times) throw new Error(`the worker ended with ${code ?? signal}:\n${this.logTail()}`)
    })
    await Promise.race([told, ended])
  }

  /** Ends it as the kernel does when memory runs out. */
  async kill9(): Promise<void> {
    await killGroup(this.#child)
  }

  /** Asks it to drain and to leave, with SIGQUIT at once; resolves with its exit status. */
  async stop(signal: 'SIGTERM' | 'SIGQUIT' = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal)
    return (await exitOf(this.#child)).code
  }

  /** The last lines of its log. */
  logTail(): string {
    return readFileSync(this.#log.path, 'utf8').slice(-3000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) await this.kill9()
  }
}

function eventOf(line: string): string | undefined {
  try {
    return (JSON.parse(line) as { event?: string }).event
  } catch {
    return undefined
  }
}
