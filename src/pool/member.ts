import { AsyncLocalStorage } from 'node:async_hooks'
import { isMainThread, parentPort } from 'node:worker_threads'
import { celeryError, toRemoteError } from '../protocol/result/exceptions.ts'
import { createLogger, type EventLogger } from '../runtime/log/logger.ts'
import { endWithParent } from '../runtime/process/end-with-parent.ts'
import { systemClock } from '../runtime/time/clock.ts'
import { type Deferred, deferred } from '../runtime/time/deferred.ts'
import { sharedAbort } from '../runtime/time/shared-abort.ts'
import { runAttempt } from '../tasks/attempt/attempt.ts'
import type { Outcome } from '../tasks/attempt/outcome.ts'
import type { Send } from '../tasks/sending.ts'
import type { Host, HostModule } from './host.ts'
import { sendThrough } from './member-send.ts'
import {
  type Answer,
  type Enveloped,
  errorFrom,
  type FromMember,
  portableError,
  type ToMember,
  toText,
} from './messages.ts'

/** What a member has once it is opened. */
interface Opened {
  readonly host: Host
  readonly logger: EventLogger
  readonly maxResultSize: number | undefined
  readonly tellMemory: boolean
}

/** Inside a thread or a process of a pool: loads the tasks, and runs attempts of them one after another. */
export function serve(): void {
  const post = isMainThread ? processPort(hear) : threadPort(hear)
  const calls = new Map<number, Deferred<string | undefined>>()
  let lastCall = 0
  let opened: Opened | undefined
  let running: AbortController | undefined
  /** The attempt that code belongs to, including its timers and callbacks. */
  const attempts = new AsyncLocalStorage<number>()

  // As on the event loop: an unhandled rejection of one task must not end another's attempt.
  process.on('unhandledRejection', (reason) => post({ kind: 'stray', error: toRemoteError(reason) }))
  process.on('uncaughtException', (error) =>
    post({ kind: 'crashed', attempt: attempts.getStore(), error: toRemoteError(error) }),
  )

  function hear(message: ToMember): void {
    switch (message.kind) {
      case 'open':
        void open(message)
        return
      case 'run':
        void attempts.run(message.attempt, run, message)
        return
      case 'abort':
        running?.abort(errorFrom(message.reason))
        return
      case 'answer':
        settle(message.call, message.answer)
        return
      case 'leave':
        void leave()
        return
    }
  }

  async function open(message: ToMember & { kind: 'open' }): Promise<void> {
    const { hostModule, setup, logLevel, maxResultSize, tellMemory } = message
    try {
      const { openHost } = (await import(hostModule)) as HostModule
      // Lines go to the worker's own log, in one order to one destination.
      const destination = { write: (line: string) => post({ kind: 'log', line }) }
      const logger = createLogger({ level: logLevel, format: 'json', destination })
      const host = await openHost(setup, { logger })
      opened = { host, logger, maxResultSize, tellMemory }
      post({ kind: 'opened', tasks: host.tasks.names(), plugins: host.plugins?.names ?? [] })
    } catch (error) {
      post({ kind: 'unable', error: portableError(error) })
    }
  }

  async function leave(): Promise<void> {
    const plugins = opened?.host.plugins
    if (plugins !== undefined) await plugins.stop()
    process.exit(0)
  }

  async function run({ attempt, invocation, aborted }: ToMember & { kind: 'run' }): Promise<void> {
    const task = opened?.host.tasks.get(invocation.message.task)
    if (opened === undefined || task === undefined) {
      end({ kind: 'failed', error: celeryError('NotRegistered', [invocation.message.task]), runtime: 0 })
      return
    }
    withoutPrototypes(invocation.message)
    running = sharedAbort()
    if (aborted !== undefined) running.abort(errorFrom(aborted))
    const send: Send = sendThrough({
      send: (sending) => ask((call) => post({ kind: 'send', call, attempt, sending })),
      ask: (handle, question) => ask((call) => post({ kind: 'ask-handle', call, attempt, handle, question })),
    })
    const { plugins } = opened.host
    const surround = plugins?.surround
    const outcome = await runAttempt({
      task,
      around: plugins?.aroundOf?.(task),
      invocation,
      signal: running.signal,
      onStarted: () => post({ kind: 'started' }),
      onState: async (state, meta) => {
        const text = toText(meta, 'meta')
        await ask((call) => post({ kind: 'state', call, state, meta: text }))
      },
      onAddToChord: async (signature, passOn) => {
        const text = toText(signature, 'signature')
        return (await ask((call) => post({ kind: 'add-to-chord', call, attempt, signature: text, passOn }))) as string
      },
      logger: opened.logger,
      sendFor: surround === undefined ? () => send : (message) => surround(send, message),
      maxResultSize: opened.maxResultSize,
      clock: systemClock,
      random: Math.random,
    })
    running = undefined
    end(outcome)
  }

  function end(outcome: Outcome): void {
    post({ kind: 'ended', outcome: outcomeText(outcome), memory: opened?.tellMemory ? memoryHeld() : undefined })
  }

  /** Sends a request to the pool; resolves with its answer. */
  async function ask(request: (call: number) => void): Promise<string | undefined> {
    const call = ++lastCall
    const answer = deferred<string | undefined>()
    calls.set(call, answer)
    try {
      request(call)
      return await answer.promise
    } finally {
      calls.delete(call)
    }
  }

  function settle(call: number, answer: Answer): void {
    if ('error' in answer) calls.get(call)?.reject(errorFrom(answer.error))
    else calls.get(call)?.resolve(answer.ok)
  }
}

type Post = (message: FromMember) => void
type Hear = (message: ToMember) => void

function threadPort(hear: Hear): Post {
  parentPort?.on('message', hear)
  return (message) => parentPort?.postMessage({ twqMember: message } satisfies Enveloped)
}

// A terminal and a supervisor signal the whole process group; the worker decides when members leave.
const SIGNALS_OF_THE_WORKER = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP'] as const

function processPort(hear: Hear): Post {
  for (const signal of SIGNALS_OF_THE_WORKER) process.on(signal, () => {})
  process.on('message', hear)
  // The running attempt will be run again by another worker.
  endWithParent()
  return (message) => {
    const enveloped: Enveloped = { twqMember: message }
    if (process.connected) process.send?.(enveloped, undefined, undefined, () => {})
  }
}

function outcomeText(outcome: Outcome): string {
  try {
    return toText(outcome, 'outcome')
  } catch (error) {
    return toText({ kind: 'failed', error: toRemoteError(error), runtime: 0 }, 'outcome')
  }
}

/**
 * In bytes: for a process all of its memory, for a thread its heap and buffers. Asks the kernel, which is expensive compared with
 * a short task.
 */
function memoryHeld(): number {
  if (isMainThread) return process.memoryUsage.rss()
  const { heapTotal, external } = process.memoryUsage()
  return heapTotal + external
}

/** Structured clones have prototypes again; values from the wire have none, so that no key has a special meaning. */
function withoutPrototypes(value: unknown): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof Date) return
  for (const member of Object.values(value)) withoutPrototypes(member)
  if (!Array.isArray(value)) Object.setPrototypeOf(value, null)
}
