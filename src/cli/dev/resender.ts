import { type Client, createClient } from '../../client/create-client.ts'
import { messageOf } from '../../errors.ts'
import type { AnyArguments } from '../../tasks/sending.ts'
import type { TaskReport, TaskSummary } from '../worker/parent-link.ts'
import { callOf } from './task-line.ts'

/** Sends the task that ran last once more. Connects when it is first asked to. */
export class Resender implements AsyncDisposable {
  last: TaskReport | undefined
  /** The tasks that the worker registers now. */
  tasks: readonly TaskSummary[] = []
  readonly #url: string
  #client: Client | undefined

  constructor(url: string) {
    this.#url = url
  }

  /** Resolves with a message about the outcome; never rejects. */
  async send(): Promise<string> {
    const { last } = this
    if (last === undefined) return 'no task has run yet'
    const args = argumentsAgain(last, this.tasks)
    if (args === undefined) return `${callOf(last)} can't be sent again: not every argument has a name`
    try {
      this.#client ??= createClient({ broker: this.#url, resultBackend: 'none' })
      await this.#client.send(last.task, args, { queue: last.queue })
      return `sent ${callOf(last)}`
    } catch (error) {
      return `${callOf(last)} was not sent: ${messageOf(error)}`
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.close()
  }
}

/**
 * The arguments of a task that ran, to send it once more. A client sends positional arguments or named ones: of both
 * together, the positional ones get their names from the task. Undefined where they have none.
 */
export function argumentsAgain(
  { task, args, kwargs }: Pick<TaskReport, 'task' | 'args' | 'kwargs'>,
  tasks: readonly TaskSummary[],
): AnyArguments | undefined {
  if (Object.keys(kwargs).length === 0) return args
  if (args.length === 0) return kwargs
  const names = tasks.find(({ name }) => name === task)?.positional ?? []
  const named = args.flatMap((value, index) => {
    const name = names[index]
    return name === undefined || name.startsWith('...') ? [] : [[name.replace(/\?$/, ''), value] as const]
  })
  return named.length === args.length ? { ...Object.fromEntries(named), ...kwargs } : undefined
}
