import { randomUUID } from 'node:crypto'
import { TwqError } from '../errors.ts'
import { PluginList } from '../plugins/plugin-list.ts'
import { createAsyncPool } from '../pool/async.ts'
import { asyncKind } from '../pool/kinds/async.ts'
import type { State } from '../protocol/result-record.ts'
import { decodeTask } from '../protocol/task/decode-task.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json } from '../runtime/json.ts'
import { createLogger, type Logger } from '../runtime/log/logger.ts'
import { type Clock, systemClock } from '../runtime/time/clock.ts'
import { prepareTask } from '../sending/prepare-task.ts'
import { createRouter } from '../sending/router.ts'
import { SentTask } from '../sending/task-handle.ts'
import type { Outcome } from '../tasks/attempt/outcome.ts'
import type { Plugin } from '../tasks/plugin.ts'
import { pluginProblems } from '../tasks/plugin-problems.ts'
import type { AnyArguments, Send, SendOptions } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import { effectiveLimits } from '../tasks/time-limits.ts'

/** The options of one run of a task. */
export interface RunTaskOptions {
  readonly id?: string
  /** 1, the default, on the first try. */
  readonly attempt?: number
  /** True when an earlier delivery may have started already. */
  readonly redelivered?: boolean
  /** The queue it came from. */
  readonly queue?: string
  /** Headers of the sender's own, seen as `ctx.request.headers`. */
  readonly headers?: SendOptions['headers']
  /** Aborts the attempt. */
  readonly signal?: AbortSignal
  /** Time limits and delays go by it. The system's clock by default. */
  readonly clock?: Clock
  /** Gets what the task logs; by default nothing does. */
  readonly logger?: Logger
  /** Around the attempt and what it sends, outside of the task's own `plugins`. All of them start before it and stop after it; `on` hears nothing. */
  readonly plugins?: readonly Plugin[]
}

/** How the run ended, and what the task did meanwhile. */
export type TaskRun = Outcome & {
  /** Its reports by `progress` and `updateState`, in order. */
  readonly states: readonly { readonly state: State; readonly meta: Json }[]
  /** The tasks it sent, in order; they are sent nowhere, and their results never come. */
  readonly sent: readonly { readonly task: string; readonly message: TaskMessage }[]
  /** The value that its code threw: `assert(run.thrown instanceof CardDeclined)`; undefined where it threw nothing. */
  readonly thrown: unknown
}

const UNHEARD = createLogger({ level: 'fatal', format: 'json', destination: { write() {} } })
const ROUTER = createRouter({ defaultQueue: 'celery' })
const LARGEST_BODY = 16 * 1024 * 1024
/** How long plugins may take to start, to stop, and around a send, in milliseconds: a worker's defaults. */
const PLUGIN_TIMES = { startTimeout: 30_000, stopTimeout: 20_000, publishTimeout: 10_000 }
const HOST = { role: 'worker', node: 'twq@testing', pool: asyncKind.name } as const

/**
 * Runs a task's code once, with no broker and no worker, but as a worker does: the arguments and the result travel as JSON,
 * the schema is applied, time limits hold, and `retry`, `Reject` or an error become the outcome. Never rejects for what
 * the code does; throws `TWQ_ARGUMENTS` or `TWQ_UNSERIALISABLE` for arguments that could not be sent, `TWQ_CONFIG` for what is no plugin
 * and `TWQ_PLUGIN` for one that can't be started.
 */
export async function runTask(task: AnyTask, args?: AnyArguments, options: RunTaskOptions = {}): Promise<TaskRun> {
  const { attempt = 1, redelivered = false, queue = 'celery', clock = systemClock, logger = UNHEARD } = options
  const { signal = new AbortController().signal, headers, id, plugins = [] } = options
  const problems = pluginProblems(plugins)
  if (problems.length > 0) throw new TwqError('TWQ_CONFIG', problems.map((problem) => `plugins${problem}`).join('\n'))
  const message = asSent(task, args, {
    retries: attempt - 1,
    queue,
    ...(id !== undefined && { taskId: id }),
    ...(headers && { headers }),
  })
  const states: { state: State; meta: Json }[] = []
  const sent: { task: string; message: TaskMessage }[] = []
  const send = async (target: AnyTask | string, given?: AnyArguments, how: SendOptions = {}) => {
    const child = asSent(target, given, how, message)
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
  const list = new PluginList({ plugins, tasks: [task], host: HOST, ...PLUGIN_TIMES, logger, clock })
  const plainSend = send as unknown as Send
  const pool = createAsyncPool({
    kind: HOST.pool,
    lookup: () => listening,
    logger,
    sendFor: (parent) => list.sends?.around(plainSend, parent) ?? plainSend,
    limitsFor: () => effectiveLimits(message, task.settings.timeLimit, { soft: undefined, hard: undefined }),
    aroundOf: list.aroundOf,
    clock,
  })
  await list.start()
  try {
    const outcome = await pool.run(
      { message, queue, redelivered, node: HOST.node },
      { signal, onState: async (state, meta) => void states.push({ state, meta }) },
    )
    return { ...outcome, states, sent, thrown }
  } finally {
    await list.stop()
  }

  /** The message of a task, after the journey through its encoding. */
  function asSent(target: AnyTask | string, given: AnyArguments | undefined, how: SendOptions, parent?: TaskMessage) {
    const facts = { id: randomUUID(), now: clock.now(), origin: 'testing', replyTo: undefined, router: ROUTER, parent }
    const { outgoing } = prepareTask(target, given, how, facts)
    const decoded = decodeTask(outgoing.message, { maxBodySize: LARGEST_BODY })
    if (decoded.kind === 'malformed') throw new TwqError('TWQ_INTERNAL', decoded.malformed.reason)
    return decoded.message
  }
}
