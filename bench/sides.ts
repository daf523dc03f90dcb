import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { exitOf } from '../test/support/provision/guarded.ts'
import { WorkerProcess } from '../test/support/worker-process.ts'
import type { Arena } from './arena.ts'
import { startProgram } from './processes.ts'

/** A consumer of a queue in a process of its own. */
export interface Consumer {
  readonly pid: number
  readonly running: boolean
  /** Stops it in order: whatever it did not acknowledge is then back in the queue. */
  stop(): Promise<void>
}

/** What a consumer is started with. */
export interface ConsumerOptions {
  readonly queue: string
  /** The file of its stopwatch, and the number of the last message to time. */
  readonly stopwatch?: { readonly path: string; readonly count: number }
}

/** Starts consumers of one side. */
export type Side = (arena: Arena, options: ConsumerOptions) => Promise<Consumer>

/** Plain amqplib; see raw/drain.ts. */
export function raw(style: { acks: 'each' | 'turn'; results: boolean; prefetch?: number }): Side {
  return async ({ url }, { queue, stopwatch }) => {
    const child = startProgram('raw/drain.ts', {
      url,
      queue,
      prefetch: style.prefetch ?? 1000,
      acks: style.acks,
      results: style.results,
      ...(stopwatch && { stopwatch: stopwatch.path, count: stopwatch.count }),
    })
    return consumerIn(child)
  }
}

/** Plain amqplib that keeps the promises of a worker; see raw/keep.ts. */
export function rawKeeping({ failing }: { readonly failing: boolean }): Side {
  return async ({ url }, { queue, stopwatch }) => {
    const watch = stopwatch && { stopwatch: stopwatch.path, count: stopwatch.count }
    return consumerIn(startProgram('raw/keep.ts', { url, queue, failing, ...watch }))
  }
}

/** A program as a consumer. */
export function consumerIn(child: ChildProcess): Consumer {
  return {
    pid: child.pid!,
    get running() {
      return child.exitCode === null && child.signalCode === null
    },
    async stop() {
      child.kill('SIGTERM')
      await exitOf(child)
    },
  }
}

/** `twq worker start` as in production: logs at the default level, into a file. `config` is a file of worker/. */
export function twq(flags: readonly string[], config = 'worker.config.js'): Side {
  return async ({ url, folder, worker: configs }, { queue, stopwatch }) => {
    const worker = WorkerProcess.spawn({
      url,
      config: join(configs, config),
      flags: ['--queues', queue, ...flags],
      env: stopwatch ? { BENCH_STOPWATCH: stopwatch.path, BENCH_COUNT: String(stopwatch.count) } : {},
      log: join(folder, `${queue}.log`),
    })
    // With messages waiting, the measurement starts at the first of them; otherwise readiness is the only event to wait for.
    if (!stopwatch) await worker.until('worker.ready')
    return {
      get pid() {
        return worker.pid
      },
      get running() {
        return worker.running
      },
      async stop() {
        const status = await worker.stop()
        if (status !== 0) throw new Error(`the worker ended with ${status}:\n${worker.logTail()}`)
      },
    }
  }
}
