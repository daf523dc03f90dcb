import type { GroupNode, Node } from '../canvas/node.ts'
import { TwqError } from '../errors.ts'
import type { ResultTuple } from '../protocol/chord/chord.ts'
import type { ResultFeed } from '../results/result-feed.ts'
import { onAbort } from '../runtime/time/on-abort.ts'
import { timeLimit } from '../runtime/time/time-limit.ts'
import type { AnyHandle, GroupHandle, ResultOptions, RevokeOptions } from '../tasks/sending.ts'
import type { Revoke } from './revoke.ts'
import { SentTask, timeoutOf, waited } from './task-handle.ts'

/** The handle of a workflow that was sent: of its last task, or of the group at its end, with what runs before as `parent`. */
export function handleOf(
  node: Node,
  feedOf: (taskId: string) => ResultFeed | undefined,
  revoke?: Revoke,
): SentTask | SentGroup {
  let handle: SentTask | SentGroup | undefined
  for (const one of lineOf(node)) {
    handle =
      one.kind === 'group'
        ? new SentGroup(one, (member) => handleOf(member, feedOf, revoke), revoke, handle)
        : new SentTask(one.id, one.task, one.readable ? feedOf(one.id) : undefined, revoke, handle)
  }
  return handle as SentTask | SentGroup
}

/** The tasks whose results come back to the sender. */
export function readableTasks(node: Node): readonly string[] {
  return lineOf(node).flatMap((one) => {
    if (one.kind === 'group') return one.members.flatMap(readableTasks)
    return one.readable ? [one.id] : []
  })
}

/** What runs before a node, first to last, and the node itself. A loop: a chain may have more steps than calls can be nested. */
function lineOf(node: Node): readonly Node[] {
  const line: Node[] = []
  for (let one: Node | undefined = node; one !== undefined; one = one.parent) line.push(one)
  return line.reverse()
}

/** The ids of the tasks that a handle is about. */
function idsOf(handle: SentTask | SentGroup): readonly string[] {
  return handle instanceof SentTask ? [handle.id] : handle.handles.flatMap(idsOf)
}

/** A group that was sent. */
export class SentGroup implements GroupHandle {
  readonly id: string
  readonly handles: readonly (SentTask | SentGroup)[]
  readonly parent: AnyHandle | undefined

  readonly #revoke: Revoke | undefined

  constructor(
    node: GroupNode,
    handle: (member: Node) => SentTask | SentGroup,
    revoke: Revoke | undefined,
    parent: AnyHandle | undefined,
  ) {
    this.id = node.id
    this.#revoke = revoke
    this.handles = Object.freeze(node.members.map(handle))
    this.parent = parent
  }

  toJSON(): ResultTuple {
    return [[this.id, this.parent?.toJSON() ?? null], this.handles.map((handle) => handle.toJSON())]
  }

  result(options: ResultOptions = {}): Promise<unknown[]> {
    return this.#wait(options, (signal) => Promise.all(this.handles.map((handle) => handle.result({ signal }))))
  }

  settled(options: ResultOptions = {}): Promise<PromiseSettledResult<unknown>[]> {
    return this.#wait(options, async (signal) => {
      const settled = await Promise.allSettled(this.handles.map((handle) => handle.result({ signal })))
      signal.throwIfAborted()
      return settled
    })
  }

  async revoke(options: RevokeOptions = {}): Promise<void> {
    if (this.#revoke === undefined) {
      throw new TwqError('TWQ_NO_WORKER', `group ${this.id} can't be revoked from here: it was sent to no broker`)
    }
    await this.#revoke(this.handles.flatMap(idsOf), options)
  }

  async completed(): Promise<number> {
    const each = await Promise.all(
      this.handles.map(async (handle) => {
        if (handle instanceof SentTask) return (await handle.state()) === 'SUCCESS'
        return (await handle.completed()) === handle.handles.length
      }),
    )
    return each.filter(Boolean).length
  }

  /** Waits no longer than it may, and ends the waits for single members with its own. */
  async #wait<T>({ timeout, signal }: ResultOptions, wait: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController()
    using limit = timeLimit({ ms: timeoutOf(timeout), signal, reason: () => this.#tooLate(timeout) })
    const stop = onAbort(limit.signal, () => over.abort(limit.signal.reason))
    try {
      return await wait(over.signal)
    } finally {
      stop()
      over.abort()
    }
  }

  #tooLate(timeout: number | string | undefined): TwqError {
    return new TwqError('TWQ_RESULT_TIMEOUT', `group ${this.id} is not complete after ${waited(timeout)}`, {
      hint: `It has ${this.handles.length} members; \`await handle.completed()\` says how many have succeeded`,
    })
  }
}
