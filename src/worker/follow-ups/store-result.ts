import { messageOf } from '../../errors.ts'
import { celeryError } from '../../protocol/result/exceptions.ts'
import type { RemoteError, ResultRecord } from '../../protocol/result-record.ts'
import type { ResultBackend, ResultOwner } from '../../results/backend.ts'
import { troubleOf } from './trouble.ts'

/**
 * Stores how a task ended. If that can never be stored, for example because of its size, a failure that says so is stored
 * instead, and returned. Rejects if neither can be confirmed.
 */
export async function storeOrFail(
  results: ResultBackend,
  record: ResultRecord,
  owner: ResultOwner,
  routingKey?: string,
): Promise<RemoteError | undefined> {
  try {
    await results.store(record, owner, routingKey)
    return undefined
  } catch (error) {
    if (troubleOf(error) !== 'never') throw error
    const instead = unstorable(error)
    const failure = { taskId: record.taskId, state: 'FAILURE', error: instead, traceback: null, children: [] } as const
    await results.store(failure, owner, routingKey)
    return instead
  }
}

/** The failure of a task whose result can't be stored, as that of one whose result is larger than `maxResultSize`. */
export function unstorable(error: unknown): RemoteError {
  return celeryError('EncodeError', [`the task's result can't be sent: ${messageOf(error)}`])
}
