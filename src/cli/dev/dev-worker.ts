import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { deferred } from '../../runtime/time/deferred.ts'
import type { TaskReport, WorkerMessage, WorkerReady } from '../worker/parent-link.ts'

/** Called with what a worker of `twq dev` writes, runs and imports. */
export interface DevWorkerHearer {
  /** A line that the worker wrote, to either stream. */
  line(text: string, stream: 'stdout' | 'stderr'): void
  task(report: TaskReport): void
  /** A running task imported a further module. */
  imported(file: string): void
}

const TWQ = fileURLToPath(new URL('../../../bin/twq.js', import.meta.url))

/**
 * One worker process with the code as it was when it started. It ends with this process, even when this one is killed:
 * the channel between the two breaks then.
 */
export class DevWorker {
  /** Resolves when it consumes; with undefined when it ended before. */
  readonly ready: Promise<WorkerReady | undefined>
  /** Resolves when it starts no more tasks. */
  readonly retired: Promise<void>
  /** Resolves when it has ended and all that it wrote was heard: `status 78`, `signal SIGKILL`. */
  readonly ended: Promise<string>
  readonly #child: ChildProcess
  #draining = false
  #hasEnded = false

  /** `args` follow `twq worker start`. */
  constructor(args: readonly string[], hearer: DevWorkerHearer) {
    const ready = deferred<WorkerReady | undefined>()
    const ended = deferred<string>()
    const retired = deferred<void>()
    this.ready = ready.promise
    this.retired = retired.promise
    this.ended = ended.promise
    // In a group of its own, so that Ctrl-C reaches only this process, which decides what it means.
    this.#child = fork(TWQ, ['worker', 'start', '--supervised', ...args], {
      detached: true,
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    for (const name of ['stdout', 'stderr'] as const) {
      const input = this.#child[name]
      if (input) createInterface({ input }).on('line', (text) => hearer.line(text, name))
    }
    this.#child.on('message', (message: WorkerMessage) => {
      if (message.kind === 'ready') ready.resolve(message)
      else if (message.kind === 'leaving') retired.resolve()
      else if (message.kind === 'imported') hearer.imported(message.file)
      else hearer.task(message)
    })
    const end = (how: string): void => {
      this.#hasEnded = true
      ready.resolve(undefined)
      retired.resolve()
      ended.resolve(how)
    }
    this.#child.on('error', (error) => end(error.message))
    this.#child.on('close', (code, signal) => end(signal === null ? `status ${code}` : `signal ${signal}`))
  }

  /** Takes nothing new, and leaves when what runs has finished. */
  drain(): void {
    if (this.#draining) return
    this.#draining = true
    this.#child.kill('SIGTERM')
  }

  /** Aborts what runs, and leaves. */
  abort(): void {
    this.#draining = true
    this.#child.kill('SIGQUIT')
  }

  /** Ends it at once, with the processes that it has started. */
  kill(): void {
    if (this.#hasEnded || this.#child.pid === undefined) return
    try {
      process.kill(-this.#child.pid, 'SIGKILL')
    } catch {
      // It ended a moment ago.
    }
  }
}
