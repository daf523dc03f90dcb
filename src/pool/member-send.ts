import { TwqError } from '../errors.ts'
import type { ResultTuple } from '../protocol/chord/chord.ts'
import { unlessAborted } from '../runtime/time/time-limit.ts'
import { displayOf } from '../tasks/argument-display.ts'
import { callArguments } from '../tasks/arguments.ts'
import { isCanvas, isTask } from '../tasks/brand.ts'
import type {
  AnyArguments,
  AnyHandle,
  Canvas,
  GroupHandle,
  ResultOptions,
  RevokeOptions,
  Send,
  SendOptions,
  TaskHandle,
} from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import {
  errorFrom,
  fromText,
  type HandleQuestion,
  type PortableHandle,
  type PortableOptions,
  type PortableSend,
  type PortableSettled,
  type PortableTask,
  toText,
} from './messages.ts'

/** How a member, which has no connection, makes the worker do it. */
export interface ParentCalls {
  /** Sends; resolves with the {@link PortableHandle}. */
  readonly send: (sending: PortableSend) => Promise<string | undefined>
  /** Calls the handle of something that was sent; resolves with the value, as JSON text. */
  readonly ask: (handle: string, question: HandleQuestion) => Promise<string | undefined>
}

/** `ctx.send` inside a member. */
export function sendThrough({ send: sendThere, ask }: ParentCalls): Send {
  const send = async (
    target: AnyTask | string | Canvas,
    given?: AnyArguments | SendOptions,
    last: SendOptions = {},
  ): Promise<AnyHandle> => {
    const { signal, link, linkError, ...plain } = isCanvas(target) ? ((given ?? {}) as SendOptions) : last
    signal?.throwIfAborted()
    const links = { link: textsOf(link, 'link'), linkError: textsOf(linkError, 'linkError') }
    const options = link === undefined && linkError === undefined ? plain : { ...plain, links }
    const sent = sendThere(portable(target, given, options))
    const answer = (await (signal === undefined ? sent : unlessAborted(sent, signal))) as string
    return handleOf(fromText(answer) as unknown as PortableHandle, ask)
  }
  return send as Send
}

/** The follow-ups as JSON; an invalid signature is refused in the same place as elsewhere. */
function textsOf(links: SendOptions['link'], path: string): readonly string[] {
  const list = links === undefined ? [] : Array.isArray(links) ? links : [links]
  return list.map((link) => toText(link, path))
}

function portable(target: unknown, args: unknown, options: PortableOptions): PortableSend {
  if (isCanvas(target)) return { canvas: toText(target, 'canvas'), options }
  return {
    ...targetOf(target, args as AnyArguments | undefined, options),
    args: args === undefined ? undefined : toText(args, 'args'),
  }
}

/** A task that only members know is sent by its name, with the settings that affect sending. */
function targetOf(
  target: unknown,
  args: AnyArguments | undefined,
  options: PortableOptions,
): Omit<PortableTask, 'args'> {
  if (typeof target === 'string') return { name: target, byTask: false, options }
  if (!isTask(target)) {
    const got = target === null ? 'null' : typeof target
    throw new TwqError('TWQ_ARGUMENTS', `send takes a task or its name, got ${got}`, {
      hint: "Write send(add, { x: 1, y: 2 }) with a task that defineTask made, or send('add', [1, 2])",
    })
  }
  const { queue, priority, ignoreResult, expires, compression } = target.settings
  const settings = {
    ...(queue !== undefined && { queue }),
    ...(priority !== undefined && { priority }),
    ...(ignoreResult !== undefined && { ignoreResult }),
    ...(expires !== undefined && { expires }),
    ...(compression !== undefined && { compression }),
    ...displayOf(target.settings, callArguments(target.name, args)),
  }
  return { name: target.name, byTask: true, options: { ...settings, ...options } }
}

function handleOf(portable: PortableHandle, ask: ParentCalls['ask']): AnyHandle {
  const { id, handles, parent } = portable
  const inquire = async <T>(method: HandleQuestion['method'], { timeout, signal }: ResultOptions = {}): Promise<T> => {
    signal?.throwIfAborted()
    const asked = ask(id, { method, timeout })
    return fromText((await (signal === undefined ? asked : unlessAborted(asked, signal))) as string) as T
  }
  const revoke = async (options?: RevokeOptions): Promise<void> => {
    await ask(id, { method: 'revoke', ...(options !== undefined && { options }) })
  }
  const result = <T>(options?: ResultOptions) => inquire<T>('result', options)
  const before = parent === undefined ? {} : { parent: handleOf(parent, ask) }
  const toJSON = (): ResultTuple => tupleOf(portable)
  if (handles !== undefined) {
    const group: GroupHandle = {
      id,
      toJSON,
      handles: handles.map((handle) => handleOf(handle, ask)),
      result,
      settled: async (options) => (await inquire<PortableSettled[]>('settled', options)).map(settledFrom),
      completed: () => inquire('completed'),
      revoke,
    }
    return { ...group, ...before }
  }
  const task: TaskHandle = {
    id,
    toJSON,
    state: () => inquire('state'),
    result,
    states: () => ({ [Symbol.asyncIterator]: () => ({ next: () => refuse(id) }) }),
    revoke,
  }
  return { ...task, ...before }
}

/** The ids of what was sent, in the form of Celery's `as_tuple`. */
function tupleOf({ id, handles, parent }: PortableHandle): ResultTuple {
  return [[id, parent === undefined ? null : tupleOf(parent)], handles?.map(tupleOf) ?? null]
}

function settledFrom(settled: PortableSettled): PromiseSettledResult<unknown> {
  if ('error' in settled) return { status: 'rejected', reason: errorFrom(settled.error) }
  return { status: 'fulfilled', value: settled.value }
}

async function refuse(id: string): Promise<never> {
  throw new TwqError(
    'TWQ_RESULT_UNAVAILABLE',
    `the states of ${id} can't be followed in a thread or process of a pool`,
    {
      hint: "Await its result, or use pool: 'async' for tasks that follow others.",
    },
  )
}
