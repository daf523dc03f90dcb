import type { ResultRecord } from '../../protocol/result-record.ts'
import type { TaskHandle } from '../../tasks/sending.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { interruptible } from '../terminal/interruption.ts'
import { note } from '../terminal/output.ts'
import { progressText } from '../terminal/progress-text.ts'
import { isWatched, statusLine } from '../terminal/status-line.ts'

/** A wait for the result of a task. */
export interface TaskWait {
  readonly handle: TaskHandle
  /** The task with its id, as people are shown it: `add[…]`. */
  readonly named: string
  /** A remark on the wait, printed at once on a terminal. */
  readonly opening: string
  /** Resolves with a remark on why the result may not come, if there is one; may reject once `over` aborts: the wait has ended. */
  readonly doubt: (over: AbortSignal) => Promise<string | undefined>
  /** Called with each state, including the last one. */
  readonly onState?: (record: ResultRecord) => void
  readonly flags: GlobalOptions
}

/**
 * Waits for a task: `work` awaits the result and prints it. On a terminal a note says what it waits for, and the status line shows the
 * state. Notes say when no result is expected, and what happens to the task after Ctrl-C. Resolves with the exit status of `work`, or
 * with 130 or 143.
 */
export async function waitForTask(wait: TaskWait, work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const { handle, named, opening, doubt, onState, flags } = wait
  if (isWatched(flags)) note(opening, flags)
  let hasBegun = false
  return await interruptible(async (interrupted) => {
    const over = new AbortController()
    const ended = AbortSignal.any([interrupted, over.signal])
    using line = statusLine(flags)
    doubt(ended).then(
      (text) => {
        if (text === undefined || ended.aborted) return
        line.clear()
        note(text, flags)
      },
      // The wait is over.
      () => {},
    )
    const following = follow()
    try {
      return await work(interrupted)
    } catch (error) {
      line.clear()
      if (interrupted.aborted) note(`interrupted; ${named} ${whereItIs(hasBegun)}`, flags)
      throw error
    } finally {
      over.abort()
      await following
    }

    async function follow(): Promise<void> {
      try {
        line.show(progressText(undefined))
        for await (const record of handle.states({ signal: ended })) {
          hasBegun = true
          line.show(progressText(record))
          onState?.(record)
        }
      } catch {
        // The wait is over, or `work` says what is wrong.
      } finally {
        line.clear()
      }
    }

    function whereItIs(begun: boolean): string {
      const id = handle.id
      return begun
        ? `goes on: twq task revoke --terminate ${id} would end it`
        : `is still queued: twq task revoke ${id} would take it back`
    }
  })
}
