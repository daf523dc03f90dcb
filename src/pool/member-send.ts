import { TwqError } from '../errors.ts'
import { unlessAborted } from '../runtime/time-limit.ts'
import { isTask } from '../tasks/brand.ts'
import type { AnyArguments, Send, SendOptions, TaskHandle } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import { type PortableSend, toText } from './messages.ts'

/** What `ctx.send` is inside a member, which holds no connection: `ask` has the worker send, and answers with the id. */
export function sendThrough(ask: (sending: PortableSend) => Promise<string | undefined>): Send {
  const send = async (
    target: AnyTask | string,
    args?: AnyArguments,
    { signal, ...options }: SendOptions = {},
  ): Promise<TaskHandle> => {
    signal?.throwIfAborted()
    const sent = ask({
      ...targetOf(target, options),
      args: args === undefined ? undefined : toText(args, 'args'),
    })
    return handleOf((await (signal === undefined ? sent : unlessAborted(sent, signal))) as string)
  }
  return send as Send
}

/** A task that only members know is sent by its name, with the settings that sending heeds. */
function targetOf(target: unknown, options: Omit<SendOptions, 'signal'>): Omit<PortableSend, 'args'> {
  if (typeof target === 'string') return { name: target, byTask: false, options }
  if (!isTask(target)) {
    const got = target === null ? 'null' : typeof target
    throw new TwqError('TWQ_ARGUMENTS', `send takes a task or its name, got ${got}`, {
      hint: "Write send(add, { x: 1, y: 2 }) with a task that defineTask made, or send('add', [1, 2])",
    })
  }
  const { queue, ignoreResult } = target.settings
  const settings = { ...(queue !== undefined && { queue }), ...(ignoreResult !== undefined && { ignoreResult }) }
  return { name: target.name, byTask: true, options: { ...settings, ...options } }
}

function handleOf(id: string): TaskHandle {
  const refuse = async (): Promise<never> => {
    throw new TwqError('TWQ_RESULT_UNAVAILABLE', `the result of ${id} can't be read in a thread or process of a pool`, {
      hint: "Use pool: 'async' for tasks that wait for others, or return the id and read the result where the task was sent.",
    })
  }
  return {
    id,
    state: refuse,
    result: refuse,
    states: () => ({ [Symbol.asyncIterator]: () => ({ next: refuse }) }),
  }
}
