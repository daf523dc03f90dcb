import { TwqError } from '../errors.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { sharedAbort } from '../runtime/time/shared-abort.ts'
import type { Outcome } from '../tasks/attempt/outcome.ts'
import { CANVAS_BRAND } from '../tasks/brand.ts'
import type { AnyArguments, AnyHandle, Canvas, GroupHandle, Send, SendOptions, TaskHandle } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import {
  type FromMember,
  fromText,
  type PortableHandle,
  type PortableOptions,
  type PortableSend,
  type PortableSettled,
  portableError,
  toText,
} from './messages.ts'
import type { RunOptions } from './pool.ts'

// What the worker does for an attempt in a member, which has no connection. Each function rejects if the attempt is over.

/** The attempt that a member runs. */
export interface MemberAttempt {
  readonly message: TaskMessage
  readonly options: RunOptions
  /** What it has sent, by id. */
  readonly sent: Map<string, AskableHandle>
  /**
   * Aborts when the attempt has ended, so that nothing waits any more for what it sent. Expensive, so created for the first call
   * that waits.
   */
  over: AbortController | undefined
  readonly end: (outcome: Outcome) => void
}

/** The interface of any handle: a task's, or a group's. */
type AskableHandle = AnyHandle &
  Partial<Pick<TaskHandle, 'state' | 'revoke'> & Pick<GroupHandle, 'settled' | 'completed'>>

/** What the worker sends with. */
export interface SendParts {
  readonly lookup: (name: string) => AnyTask | undefined
  readonly sendFor: (message: TaskMessage) => Send
}

/** Sends a task or a workflow as a child of the attempt's message; resolves with its handle, as text. */
export async function sendChild(
  attempt: MemberAttempt | undefined,
  sending: PortableSend,
  parts: SendParts,
): Promise<string> {
  if (attempt === undefined) {
    const what = 'canvas' in sending ? 'workflow' : `task ${sending.name}`
    throw new TwqError('TWQ_CLOSED', `${what} not sent: the attempt that asks for it is over`, {
      hint: 'Await ctx.send() before the task returns.',
    })
  }
  const handle = await sendAs(parts.sendFor(attempt.message), sending, parts)
  remember(handle, attempt.sent)
  return toText(portableHandle(handle), 'handle')
}

/** Calls a method of the handle of something that the attempt sent; resolves with the answer, as text. */
export async function askHandle(
  attempt: MemberAttempt | undefined,
  { handle: id, question }: FromMember & { kind: 'ask-handle' },
): Promise<string | undefined> {
  const handle = attempt?.sent.get(id)
  if (attempt === undefined || handle === undefined) {
    throw new TwqError('TWQ_CLOSED', `${id} can't be followed: the attempt that sent it is over`, {
      hint: "Await the handle's result before the task returns.",
    })
  }
  const { method, timeout, options: how } = question
  attempt.over ??= sharedAbort()
  const options = { signal: attempt.over.signal, ...(timeout !== undefined && { timeout }) }
  switch (method) {
    case 'result':
      return toText((await handle.result(options)) ?? null, 'result')
    case 'settled':
      return toText(((await handle.settled?.(options)) ?? []).map(portableSettled), 'settled')
    case 'state':
      return toText(await handle.state?.(), 'state')
    case 'revoke':
      await handle.revoke?.(how)
      return undefined
    case 'completed':
      return toText(await handle.completed?.(), 'completed')
  }
}

/** Adds a signature, as text, to the chord of the attempt's task; resolves with its id. */
export async function addToChord(
  attempt: MemberAttempt | undefined,
  { signature, passOn }: FromMember & { kind: 'add-to-chord' },
): Promise<string> {
  const { options } = attempt ?? {}
  if (options?.onAddToChord === undefined) {
    throw new TwqError('TWQ_CLOSED', 'nothing added to the chord: the attempt that asks for it is over', {
      hint: 'Await ctx.addToChord() before the task returns.',
    })
  }
  return await options.onAddToChord(fromText(signature), passOn)
}

function sendAs(send: Send, sending: PortableSend, { lookup }: SendParts): Promise<AnyHandle> {
  const options = portedOptions(sending.options)
  if ('canvas' in sending) return send(portedCanvas(sending.canvas), options)
  const { name, byTask, args } = sending
  const values = (args === undefined ? [] : fromText(args)) as AnyArguments
  const task = byTask ? lookup(name) : undefined
  return task === undefined ? send(name, values, options) : send(task, values, options)
}

/** A workflow composed by a member: here it is only passed on. */
function portedCanvas(text: string): Canvas<AnyHandle> {
  const json = fromText(text) as JsonObject
  return { [CANVAS_BRAND]: true, toJSON: () => json, '~handle': undefined } as Canvas<AnyHandle>
}

function portedOptions({ links, ...options }: PortableOptions): SendOptions {
  if (links === undefined) return options
  return { ...options, link: links.link.map(portedCanvas), linkError: links.linkError.map(portedCanvas) }
}

type NestedHandle = AnyHandle & { readonly handles?: readonly AnyHandle[]; readonly parent?: unknown }

function remember(handle: NestedHandle, sent: Map<string, AskableHandle>): void {
  sent.set(handle.id, handle)
  for (const inner of handle.handles ?? []) remember(inner, sent)
  if (handle.parent !== undefined) remember(handle.parent as AnyHandle, sent)
}

function portableSettled(settled: PromiseSettledResult<unknown>): PortableSettled {
  return settled.status === 'fulfilled'
    ? { value: (settled.value ?? null) as Json }
    : { error: portableError(settled.reason) }
}

function portableHandle(handle: NestedHandle): PortableHandle {
  const { id, handles, parent } = handle
  return {
    id,
    ...(handles !== undefined && { handles: handles.map(portableHandle) }),
    ...(parent !== undefined && { parent: portableHandle(parent as AnyHandle) }),
  }
}
