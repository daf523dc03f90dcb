import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import { RemoteTaskError } from '../../protocol/result/remote-task-error.ts'
import { ignoredResults, registeredTasks, unknownTask } from './who-runs.ts'

/** Adds a hint to the error of an awaited task, if there is one; otherwise returns the error itself. */
export async function withAdvice(error: unknown, task: string, config: Config): Promise<unknown> {
  const hint = await adviceOn(error, task, config)
  if (hint === undefined || !TwqError.is(error)) return error
  return new TwqError(error.code, error.message, { hint: hint.replace(/^no worker/, 'No worker'), cause: error.cause })
}

async function adviceOn(error: unknown, task: string, config: Config): Promise<string | undefined> {
  if (TwqError.is(error, 'TWQ_RESULT_TIMEOUT')) {
    const registered = await registeredTasks(config)
    return unknownTask(task, registered) ?? ignoredResults(task, registered)
  }
  if (!TwqError.is(error, 'TWQ_TASK_FAILED') || !RemoteTaskError.is(error.cause)) return undefined
  const { type, message } = error.cause
  switch (type) {
    case 'NotRegistered':
      return unknownTask(task, await registeredTasks(config)) ?? SEVERAL_KINDS
    case 'TypeError':
      return message.includes(`${task}() `) ? ARGUMENTS : undefined
    case 'EncodeError':
      return NO_JSON
    case 'WorkerLostError':
      return 'What killed its worker is in its log. The message is kept: twq quarantine list'
    default:
      return undefined
  }
}

const SEVERAL_KINDS =
  'Another worker has this task: workers of one queue need the same tasks. Send it to a queue of its own: --queue'
const ARGUMENTS =
  'A JSON array holds positional arguments, an object named ones; twq task list shows those of the tasks here'
const NO_JSON = 'A task returns what JSON can hold: texts, numbers, lists, plain objects, dates, bytes'
