import { createClient } from '../../client/create-client.ts'
import { TwqError } from '../../errors.ts'
import { encodeError } from '../../protocol/result/result.ts'
import { isFinal, type ResultRecord } from '../../protocol/result-record.ts'
import { knownResultBackends } from '../../results/kinds/all.ts'
import { deferred } from '../../runtime/time/deferred.ts'
import type { StoredHandle } from '../../sending/task-handle.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { loadConfig } from '../flags/load-config.ts'
import { milliseconds } from '../flags/values.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { note, print, toJson, wantsJson } from '../terminal/output.ts'
import { progressText } from '../terminal/progress-text.ts'
import { isWatched } from '../terminal/status-line.ts'
import { showTraceback } from './show-traceback.ts'
import { waitForTask } from './wait-for-task.ts'

/** The flags of `twq task result`. */
export interface TaskResultFlags extends GlobalOptions {
  readonly wait?: boolean
  readonly watch?: boolean
}

/**
 * `twq task result`: prints the value of a task that succeeded. 1 when it failed or was revoked, 75 while it has no result,
 * and with `--wait` 124 when time ran out. `--watch` waits, too, and shows each state on the way.
 */
export async function taskResult(id: string, flags: TaskResultFlags): Promise<number> {
  const timeout = flags.timeout === undefined ? undefined : milliseconds('--timeout', flags.timeout)
  const { config } = await loadConfig('task result', flags, knownResultBackends)
  const { broker, resultBackend, resultKeyPrefix } = config
  await using client = createClient({ broker, resultBackend, resultKeyPrefix })
  const handle = client.result(id)
  if (!flags.wait && !flags.watch) return await tell(id, handle, await handle.record(), flags)
  const limit = timeout === undefined ? ' (no time limit: -t sets one)' : ''
  const shown = deferred<void>()
  const onState = (record: ResultRecord): void => {
    if (isFinal(record)) shown.resolve()
    else showState(id, record, flags)
  }
  const wait = {
    handle,
    named: `task ${id}`,
    opening: `waiting for the result of ${id}${limit}`,
    doubt: async () => (isWatched(flags) ? await unknown(id, handle) : undefined),
    ...(flags.watch && { onState }),
    flags,
  }
  return await waitForTask(wait, async (signal) => {
    // The intermediate states are printed before the result.
    const [record] = await Promise.all([waitFor(handle, timeout, signal), flags.watch ? shown.promise : undefined])
    return await tell(id, handle, record, flags)
  })
}

const UNKNOWN = 'it waits, was never sent, or its result has expired'

async function unknown(id: string, handle: StoredHandle): Promise<string | undefined> {
  // If it can't be asked, the wait itself fails with the reason.
  const known = await handle.record().then(
    (record) => record !== undefined,
    () => true,
  )
  return known ? undefined : `nothing is known of ${id}: ${UNKNOWN}`
}

/** Prints an intermediate state, which the status line shows on a terminal. */
function showState(id: string, record: ResultRecord, flags: TaskResultFlags): void {
  if (wantsJson(flags)) print(`${toJson(fieldsOf(id, record), { compact: true })}\n`)
  else if (process.stdout.isTTY !== true) print(`${progressText(record)}\n`)
}

/** Prints the result of a task; throws if it failed. */
async function tell(
  id: string,
  handle: StoredHandle,
  record: ResultRecord | undefined,
  flags: TaskResultFlags,
): Promise<number> {
  if (record === undefined || !isFinal(record)) return unfinished(id, record, flags)
  if (wantsJson(flags)) {
    print(`${toJson(fieldsOf(id, record), { compact: flags.watch === true })}\n`)
    return 'error' in record ? EXIT.failed : EXIT.ok
  }
  try {
    // `result` rejects with the failure.
    print(`${toJson(await handle.result())}\n`)
    return EXIT.ok
  } catch (error) {
    showTraceback(error, flags)
    throw error
  }
}

/** The final record. Rejects on time-out, and if the result backend can't be reached. */
async function waitFor(
  handle: StoredHandle,
  timeout: number | undefined,
  signal: AbortSignal,
): Promise<ResultRecord | undefined> {
  const ended = handle.result({ signal, ...(timeout !== undefined && { timeout }) }).catch((error: unknown) => {
    if (!TwqError.is(error, 'TWQ_TASK_FAILED')) throw error
  })
  // `result` waits for a Redis that is away; `record` rejects, so that the user sees why.
  await Promise.race([ended, handle.record()])
  await ended
  return await handle.record()
}

function unfinished(id: string, record: ResultRecord | undefined, flags: TaskResultFlags): number {
  const state = record?.state ?? 'PENDING'
  if (wantsJson(flags)) print(`${toJson(record === undefined ? { id, state } : fieldsOf(id, record))}\n`)
  const why = record === undefined ? `: nothing is known of it; ${UNKNOWN}` : ''
  note(`task ${id} is ${state}${why}`, flags)
  return EXIT.temporary
}

function fieldsOf(id: string, record: ResultRecord): Readonly<Record<string, unknown>> {
  const { state, traceback, children } = record
  const outcome = 'error' in record ? { error: encodeError(record.error), traceback } : { result: record.result }
  return { id, state, ...outcome, children }
}
