import type { Connection } from '../../broker/broker.ts'
import { failedQueue } from '../../protocol/companion-queues.ts'
import { type FailedFilter, type FailedMessage, failedMessages } from '../../queues/failed.ts'
import { queueStatus } from '../../queues/queue-access.ts'
import { limitOf } from '../flags/sweep-flags.ts'
import type { WatchFlags } from '../flags/watch-flags.ts'
import { connectBeside, isUndeclared } from '../quarantine/connect-beside.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { interruptible } from '../terminal/interruption.ts'
import { note } from '../terminal/output.ts'
import { type Sight, shownOrWatched } from '../terminal/watch.ts'
import { type FailedFlags, filterOf } from './failed.ts'
import { failureList, failuresSeen } from './failure-list.ts'

/** A longer list is not read. */
const LONGEST_LIST = 1_000

/** `twq failed list`: shows the tasks that failed, each as it is read, or with `--watch` those of the moment, again and again. */
export async function failedList(ids: readonly string[], flags: FailedFlags & WatchFlags): Promise<number> {
  const filter = filterOf(ids, flags)
  const limit = limitOf(flags.limit) ?? LONGEST_LIST
  if (flags.watch !== undefined) return await shownOrWatched(flags, (now) => look(now, filter, limit))
  const { connection, queue } = await connectBeside('failed list', failedQueue(''), flags)
  await using _ = connection
  return await interruptible(async (signal) => {
    const shown = failureList(flags)
    let meant = 0
    for await (const message of failuresIn(connection, queue, filter, limit)) {
      meant += 1
      shown.add(message)
      if (signal.aborted) break
    }
    shown.end()
    const remark = await remarkOn(connection, queue, limit, meant)
    if (remark !== undefined) note(remark, flags)
    return EXIT.ok
  })
}

async function look(flags: FailedFlags, filter: FailedFilter, limit: number): Promise<Sight> {
  const { connection, queue } = await connectBeside('failed list', failedQueue(''), flags)
  await using _ = connection
  const seen = failuresSeen()
  for await (const message of failuresIn(connection, queue, filter, limit)) seen.add(message)
  return { ...seen.end(), remark: await remarkOn(connection, queue, limit, seen.count), status: EXIT.ok }
}

async function* failuresIn(
  connection: Connection,
  queue: string,
  filter: FailedFilter,
  limit: number,
): AsyncGenerator<FailedMessage> {
  if (!(await isUndeclared(connection, queue, failedQueue(queue))))
    yield* failedMessages(connection, queue, filter, { limit })
}

/** Notes beside the list. */
async function remarkOn(
  connection: Connection,
  queue: string,
  limit: number,
  shown: number,
): Promise<string | undefined> {
  const name = failedQueue(queue)
  const messages = (await queueStatus(connection, name))?.messages ?? 0
  if (messages > limit) return `${messages - limit} more were not looked at: --limit says how many are`
  return shown === 0 ? `nothing in ${name}` : undefined
}
