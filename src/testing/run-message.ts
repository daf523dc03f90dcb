import { randomUUID } from 'node:crypto'
import { TwqError } from '../errors.ts'
import { PluginList } from '../plugins/plugin-list.ts'
import { createAsyncPool } from '../pool/async.ts'
import { asyncKind } from '../pool/kinds/async.ts'
import type { State } from '../protocol/result-record.ts'
import { decodeTask } from '../protocol/task/decode-task.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json } from '../runtime/json.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { prepareTask } from '../sending/prepare-task.ts'
import type { Router } from '../sending/router.ts'
import { SentTask } from '../sending/task-handle.ts'
import type { Outcome } from '../tasks/attempt/outcome.ts'
import type { Plugin } from '../tasks/plugin.ts'
import type { AnyArguments, Send, SendOptions } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import { effectiveLimits } from '../tasks/time-limits.ts'

/** How the run ended, and what the task did during it. */
export type TaskRun = Outcome & {
  /** Its reports by `progress` and `updateState`, in order. */
  readonly states: readonly { readonly state: State; readonly meta: Json }[]
  /** The tasks it sent, in order; they are not delivered, and their results never arrive. */
  readonly sent: readonly { readonly task: string; readonly message: TaskMessage }[]
  /** The value that its code threw: `assert(run.thrown instanceof CardDeclined)`; undefined if it threw nothing. */
  readonly thrown: unknown
}

/** One attempt without a broker. */
export interface MessageRun {
  readonly task: AnyTask
  readonly message: TaskMessage
  /** The queue it came from. */
  readonly queue: string
  readonly redelivered: boolean
  /** The name that the task sees as its worker. */
  readonly node: string
  /** The destination of what it sends. */
  readonly router: Router
  /** Aborts the attempt. */
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly logger: EventLogger
  readonly plugins: readonly Plugin[]
  /** Limits of the configuration, in milliseconds, overridden by those of task and message; `none` ignores all. */
  readonly limits?: { readonly soft: number | undefined; readonly hard: number | undefined } | 'none'
  /** Really sends what the task sends; by default it is not delivered. */
  readonly sendFor?: ((message: TaskMessage) => Send) | undefined
  /** Is called with each report as it is made. */
  readonly onState?: (state: State, meta: Json) => void
}

const LARGEST_BODY = 16 * 1024 * 1024
/** How long plugins may take to start, to stop, and around a send, in milliseconds: a worker's defaults. */
const PLUGIN_TIMES = { startTimeout: 30_000, stopTimeout: 20_000, publishTimeout: 10_000 }

/**
 * Runs the code of a message's task once, as a worker with an `async` pool does; what it sends is not delivered, unless `sendFor`
 * sends it. Never rejects for what the code does; throws `TWQ_PLUGIN` for a plugin that can't be started.
 */
export async function runMessage(run: MessageRun): Promise<TaskRun> {
  const { task, message, queue, redelivered, node, router, signal, clock, logger, plugins, onState } = run
  const { limits = { soft: undefined, hard: undefined } } = run
  const states: { state: State; meta: Json }[] = []
  const sent: { task: string; message: TaskMessage }[] = []
  const keep = async (target: AnyTask | string, given?: AnyArguments, how: SendOptions = {}) => {
    const child = asSent(target, given, how, { clock, router, parent: message })
    sent.push({ task: child.task, message: child })
    return new SentTask(child.id, child.task, undefined)
  }
  let thrown: unknown
  const listening: AnyTask = {
    ...task,
    async run(given, ctx) {
      try {
        return await task.run(given, ctx)
      } catch (error) {
        thrown = error
        throw error
      }
    },
  }
  const host = { role: 'worker', node, pool: asyncKind.name } as const
  const list = new PluginList({ plugins, tasks: [task], host, ...PLUGIN_TIMES, logger, clock })
  const plainSend = run.sendFor?.(message) ?? (keep as unknown as Send)
  const pool = createAsyncPool({
    kind: host.pool,
    lookup: () => listening,
    logger,
    sendFor: (parent) => list.sends?.around(plainSend, parent) ?? plainSend,
    limitsFor: () => (limits === 'none' ? undefined : effectiveLimits(message, task.settings.timeLimit, limits)),
    aroundOf: list.aroundOf,
    clock,
  })
  await list.start()
  try {
    const report = async (state: State, meta: Json): Promise<void> => {
      states.push({ state, meta })
      onState?.(state, meta)
    }
    const outcome = await pool.run({ message, queue, redelivered, node }, { signal, onState: report })
    return { ...outcome, states, sent, thrown }
  } finally {
    await list.stop()
  }
}

/**
 * The message of a send, after encoding and decoding. Throws `TWQ_ARGUMENTS` or `TWQ_UNSERIALISABLE` for arguments that could not
 * be sent.
 */
export function asSent(
  target: AnyTask | string,
  given: AnyArguments | undefined,
  how: SendOptions,
  by: { readonly clock: Clock; readonly router: Router; readonly parent?: TaskMessage },
): TaskMessage {
  const { clock, router, parent } = by
  const facts = { id: randomUUID(), now: clock.now(), origin: 'testing', replyTo: undefined, router, parent }
  const { outgoing } = prepareTask(target, given, how, facts)
  const decoded = decodeTask(outgoing.message, { maxBodySize: LARGEST_BODY })
  if (decoded.kind === 'malformed') throw new TwqError('TWQ_INTERNAL', decoded.malformed.reason)
  return decoded.message
}
