import { randomUUID } from 'node:crypto'
import { messageOf, TwqError } from '../errors.ts'
import { customHeaders } from '../protocol/task/encode-task.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Headers } from '../protocol/wire.ts'
import type { Json } from '../runtime/json.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { isCanvas, isTask } from '../tasks/brand.ts'
import type { Plugin, PluginSend, SendKind, Sent } from '../tasks/plugin.ts'
import type { AnyArguments, AnyHandle, Canvas, Send, SendOptions } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import { isActive } from './active.ts'
import type { Hook } from './chain.ts'
import type { FailureLog } from './failure-log.ts'
import { SurroundedSend } from './surrounded-send.ts'

/** The parts that hooks around sends work with. */
export interface SendHooksParts {
  readonly plugins: readonly Plugin[]
  /** Milliseconds that the hooks of one send may take before the message is sent, and again after it. */
  readonly publishTimeout: number
  readonly clock: Clock
  /**
   * Where the worker logs errors of hooks that occur once a message is confirmed; a caller of `send` gets them as a rejection
   * instead.
   */
  readonly failures?: FailureLog | undefined
}

/** A message that the worker sends because of another one. */
export interface FollowingSend {
  readonly kind: SendKind
  readonly task: string
  readonly id: string
  readonly queue: string
  /** The message of the task that ended, or that is retried. */
  readonly parent: TaskMessage
}

const NO_TEXTS: Readonly<Record<string, string>> = Object.freeze({})

/** The hooks of plugins around sends; undefined if no plugin has one, so that sending need not ask. */
export function sendHooks(parts: SendHooksParts): SendHooks | undefined {
  return parts.plugins.some((plugin) => plugin.aroundSend !== undefined) ? new SendHooks(parts) : undefined
}

/** Runs plugins around sends of callers and of the worker. */
export class SendHooks {
  readonly #parts: SendHooksParts
  readonly #surrounding: readonly Plugin[]
  /** What attempts have passed on, by their messages. */
  readonly #passedOn = new WeakMap<TaskMessage, Readonly<Record<string, string>>>()

  constructor(parts: SendHooksParts) {
    this.#parts = parts
    this.#surrounding = parts.plugins.filter((plugin) => plugin.aroundSend !== undefined)
  }

  /** Gives hooks around the follow-ups of this message what its attempt passed on. */
  passOn(message: TaskMessage, texts: Readonly<Record<string, string>>): void {
    this.#passedOn.set(message, texts)
  }

  /**
   * Sends with the hooks around it. Rejects with what a hook throws, and with `TWQ_PLUGIN` for a hook that takes too long or does
   * not send.
   */
  around(send: Send, parent?: TaskMessage, kind: 'task' | 'schedule' = 'task'): Send {
    const plain = send as (target: unknown, ...rest: readonly unknown[]) => Promise<AnyHandle>
    const surrounded = async (
      plugins: readonly Plugin[],
      target: AnyTask | string | Canvas,
      given: AnyArguments | SendOptions | undefined,
      last: SendOptions,
    ): Promise<AnyHandle> => {
      const canvas = isCanvas(target)
      const { headers, taskId, signal, ...options } = canvas ? ((given ?? {}) as SendOptions) : last
      const subject: PluginSend = {
        kind: canvas ? 'canvas' : kind,
        task: canvas ? nameOfCanvas(target) : typeof target === 'string' ? target : target.name,
        id: taskId ?? (canvas ? undefined : randomUUID()),
        args: canvas ? undefined : (given as AnyArguments | undefined),
        headers: { ...headers },
        options,
        parent,
        passOn: NO_TEXTS,
      }
      const sending = this.#surround(plugins, subject, signal, () => {
        const { id, headers: set } = subject
        const how: SendOptions = {
          ...subject.options,
          ...(Object.keys(set).length > 0 && { headers: set }),
          ...(id !== undefined && { taskId: id }),
          ...(signal !== undefined && { signal }),
        }
        return canvas ? plain(target, how) : plain(target, given, how)
      })
      return await sending.ofCaller()
    }
    const sent = (
      target: AnyTask | string | Canvas,
      given?: AnyArguments | SendOptions,
      last: SendOptions = {},
    ): Promise<AnyHandle> => {
      const plugins = this.#active
      // Invalid sends are refused in the same place as without hooks.
      const known = isCanvas(target) || isTask(target) || typeof target === 'string'
      return plugins.length === 0 || !known ? plain(target, given, last) : surrounded(plugins, target, given, last)
    }
    return sent as Send
  }

  /**
   * Sends a message of the worker through `publish`, which gets the headers set by hooks. Rejects as `publish` does, and with
   * `TWQ_PLUGIN` if a hook throws, takes too long or does not send. Errors after the message is confirmed are only logged: they
   * must not fail a task whose next one already runs.
   */
  async follow(following: FollowingSend, publish: (headers: Headers | undefined) => Promise<void>): Promise<void> {
    const plugins = this.#active
    if (plugins.length === 0) return await publish(undefined)
    const passOn = this.#passedOn.get(following.parent) ?? NO_TEXTS
    const { kind, task, id, queue, parent } = following
    const subject: PluginSend = { kind, task, id, parent, args: undefined, headers: {}, options: { queue }, passOn }
    await this.#surround(plugins, subject, undefined, () => publish(headersOf(subject))).ofWorker()
  }

  get #active(): readonly Plugin[] {
    return this.#surrounding.filter((plugin) => isActive(plugin, this.#parts.failures))
  }

  #surround<Result>(
    plugins: readonly Plugin[],
    subject: PluginSend,
    signal: AbortSignal | undefined,
    send: () => Promise<Result>,
  ): SurroundedSend<Result> {
    const { publishTimeout, clock, failures } = this.#parts
    const sent = (): Sent => ({ id: subject.id ?? '' })
    const hooks = plugins.map(
      (plugin): Hook<Sent> => ({ plugin: plugin.name, run: (next) => plugin.aroundSend?.(subject, next) }),
    )
    return new SurroundedSend({ hooks, send, sent, name: nameOf(subject), publishTimeout, clock, failures, signal })
  }
}

/** The task of its signature, a property of a canvas; a canvas of another program serializes itself. */
function nameOfCanvas(canvas: Canvas): string {
  const { task = canvas.toJSON().task } = canvas as { readonly task?: unknown }
  return typeof task === 'string' ? task : 'canvas'
}

function nameOf({ kind, task, id }: PluginSend): string {
  if (kind === 'canvas') return 'a canvas'
  return kind === 'task' || kind === 'schedule' ? `${task}[${id}]` : `the ${kind} ${task}[${id}]`
}

/** Throws `TWQ_PLUGIN` for headers that a message can't have. */
function headersOf(subject: PluginSend): Headers | undefined {
  const headers: Readonly<Record<string, Json>> = subject.headers
  if (Object.keys(headers).length === 0) return undefined
  try {
    return customHeaders(headers)
  } catch (error) {
    const problem = `a plugin has set headers of ${nameOf(subject)} that can't be sent: ${messageOf(error)}`
    throw new TwqError('TWQ_PLUGIN', problem, { cause: error })
  }
}
