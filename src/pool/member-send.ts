import { TwqError } from '../errors.ts'
import { unlessAborted } from '../runtime/time-limit.ts'
import { isCanvas, isTask } from '../tasks/brand.ts'
import type { AnyArguments, AnyHandle, Canvas, GroupHandle, Send, SendOptions, TaskHandle } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import { fromText, type PortableHandle, type PortableSend, type PortableTask, toText } from './messages.ts'

/** What `ctx.send` is inside a member, which holds no connection: `ask` has the worker send, and answers with the id. */
export function sendThrough(ask: (sending: PortableSend) => Promise<string | undefined>): Send {
  const send = async (
    target: AnyTask | string | Canvas,
    given?: AnyArguments | SendOptions,
    last: SendOptions = {},
  ): Promise<AnyHandle> => {
    const { signal, ...options } = isCanvas(target) ? ((given ?? {}) as SendOptions) : last
    signal?.throwIfAborted()
    const sent = ask(portable(target, given, options))
    const answer = (await (signal === undefined ? sent : unlessAborted(sent, signal))) as string
    return handleOf(fromText(answer) as unknown as PortableHandle)
  }
  return send as Send
}

function portable(target: unknown, args: unknown, options: Omit<SendOptions, 'signal'>): PortableSend {
  if (isCanvas(target)) return { canvas: toText(target, 'canvas'), options }
  return { ...targetOf(target, options), args: args === undefined ? undefined : toText(args, 'args') }
}

/** A task that only members know is sent by its name, with the settings that sending heeds. */
function targetOf(target: unknown, options: Omit<SendOptions, 'signal'>): Omit<PortableTask, 'args'> {
  if (typeof target === 'string') return { name: target, byTask: false, options }
  if (!isTask(target)) {
    const got = target === null ? 'null' : typeof target
    throw new TwqError('TWQ_ARGUMENTS', `send takes a task or its name, got ${got}`, {
      hint: "Write send(add, { x: 1, y: 2 }) with a task that defineTask made, or send('add', [1, 2])",
    })
  }
  const { queue, priority, ignoreResult } = target.settings
  const settings = {
    ...(queue !== undefined && { queue }),
    ...(priority !== undefined && { priority }),
    ...(ignoreResult !== undefined && { ignoreResult }),
  }
  return { name: target.name, byTask: true, options: { ...settings, ...options } }
}

function handleOf({ id, handles, parent }: PortableHandle): AnyHandle {
  const refuse = async (): Promise<never> => {
    throw new TwqError('TWQ_RESULT_UNAVAILABLE', `the result of ${id} can't be read in a thread or process of a pool`, {
      hint: "Use pool: 'async' for tasks that wait for others, or return the id and read the result where the task was sent.",
    })
  }
  const before = parent === undefined ? {} : { parent: handleOf(parent) }
  if (handles !== undefined) {
    const group: GroupHandle = {
      id,
      handles: handles.map(handleOf),
      result: refuse,
      settled: refuse,
      completed: refuse,
    }
    return { ...group, ...before }
  }
  const task: TaskHandle<never> = {
    id,
    state: refuse,
    result: refuse,
    states: () => ({ [Symbol.asyncIterator]: () => ({ next: refuse }) }),
  }
  return { ...task, ...before }
}
