import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import { failedQueue } from '../../protocol/companion-queues.ts'
import { type FailedMessage, failedMessages } from '../../queues/failed.ts'
import { argumentsOf, argumentsText, readArguments, type TaskArguments } from '../../queues/failed-arguments.ts'
import { retryFailed } from '../../queues/failed-sweep.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { loadTasks } from '../../tasks/load-tasks.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { checkArguments } from '../../tasks/validate-call.ts'
import { connectBeside } from '../quarantine/connect-beside.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { note } from '../terminal/output.ts'
import type { FailedFlags } from './failed.ts'
import { noFailure } from './show.ts'

/**
 * `twq failed edit <id>`: opens the arguments of a failed task as JSON in the editor, checks them against the task where the
 * configuration has it, and sends the task again with them; 1 when no failure has this id, or nothing was changed.
 */
export async function editFailed(id: string, flags: FailedFlags): Promise<number> {
  const { connection, config, queue } = await connectBeside('failed edit', failedQueue(''), flags)
  await using _ = connection
  let last: FailedMessage | undefined
  for await (const message of failedMessages(connection, queue, { id })) last = message
  if (last === undefined) throw noFailure(queue, id)
  const before = argumentsOf(last)
  // The message has been returned to its queue: an editor may be open for hours.
  const edited = await inEditor(before)
  if (edited === undefined) {
    note('nothing was changed, and nothing was sent', flags)
    return EXIT.failed
  }
  await check(last.task ?? '', edited, config)
  const filter = { id, attempt: last.attempt }
  const { retried, reason } = await retryFailed(connection, queue, { filter, clock: systemClock }, edited)
  if (retried > 0) {
    note(`${id} was sent again with these arguments`, flags)
    return EXIT.ok
  }
  note(`${id} was not sent: ${reason ?? 'its failure is gone meanwhile'}`, flags)
  return EXIT.failed
}

/** The arguments as they are when the editor has ended; undefined where they are the same. The file is for this user alone, and removed. */
async function inEditor(before: TaskArguments): Promise<TaskArguments | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'twq-'))
  const file = join(folder, 'arguments.json')
  try {
    const text = `${argumentsText(before)}\n`
    await writeFile(file, text, { mode: 0o600 })
    await runEditor(file)
    const after = await readFile(file, 'utf8')
    return after === text ? undefined : readArguments(after)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** `$VISUAL` or `$EDITOR`, with the flags that it may have. Ctrl-C there is the editor's. */
async function runEditor(file: string): Promise<void> {
  const [program = 'vi', ...flags] = (process.env.VISUAL || process.env.EDITOR || 'vi').split(' ').filter(Boolean)
  const ignore = (): void => {}
  process.on('SIGINT', ignore)
  try {
    const editor = spawn(program, [...flags, file], { stdio: 'inherit' })
    const [status, signal] = (await once(editor, 'exit')) as [number | null, NodeJS.Signals | null]
    if (status === 0) return
    throw new TwqError('TWQ_USAGE', `${program} ended with ${signal ?? `status ${status}`}: nothing was sent`)
  } catch (error) {
    if (TwqError.is(error)) throw error
    throw new TwqError('TWQ_USAGE', `${program} could not be started`, { hint: 'Say which: EDITOR=nano', cause: error })
  } finally {
    process.off('SIGINT', ignore)
  }
}

/** Throws `TWQ_ARGUMENTS` for arguments that the task does not take, where the configuration has that task. */
async function check(name: string, { args, kwargs }: TaskArguments, config: Config): Promise<void> {
  const task = createRegistry((await loadTasks(config)).tasks).get(name)
  if (task !== undefined) await checkArguments(task, args, kwargs)
}
