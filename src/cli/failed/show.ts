import { TwqError } from '../../errors.ts'
import { failedQueue } from '../../protocol/companion-queues.ts'
import { type FailedMessage, failedMessages } from '../../queues/failed.ts'
import { connectBeside } from '../quarantine/connect-beside.ts'
import { describeMessage } from '../terminal/describe-message.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { fieldTable, JsonList, print, wantsJson } from '../terminal/output.ts'
import type { FailedFlags } from './failed.ts'

/** `twq failed show <id>`: everything that is known of the failures of a task, its message included; 1 when none has this id. */
export async function showFailed(id: string, flags: FailedFlags): Promise<number> {
  const { connection, queue } = await connectBeside('failed show', failedQueue(''), flags)
  await using _ = connection
  const list = new JsonList()
  let found = 0
  for await (const message of failedMessages(connection, queue, { id })) {
    const { original, ...story } = wholeOf(message)
    if (wantsJson(flags)) list.add({ ...story, original })
    else print(`${found > 0 ? '\n' : ''}${fieldTable({ ...story, ...original })}`)
    found += 1
  }
  if (found === 0) throw noFailure(queue, id)
  if (wantsJson(flags)) list.end()
  return EXIT.ok
}

/** The error for an id that no failure of a task queue has. */
export function noFailure(queue: string, id: string): TwqError {
  return new TwqError('TWQ_MESSAGE_MISSING', `no failure of ${failedQueue(queue)} has the id ${id}`, {
    hint: 'twq failed list shows those that are kept; --queue names another task queue.',
  })
}

function wholeOf({ original, history, reason, first, part, attempt: _, ...story }: FailedMessage) {
  return {
    ...story,
    error: reason,
    ...(first && { first_error: { ...first, at: new Date(first.at).toISOString() } }),
    kept: part,
    ...(history.length > 0 && { history }),
    original: original === undefined ? undefined : describeMessage(original),
  }
}
