import { exceptionRepr } from '../../protocol/python-repr.ts'
import { encodeError } from '../../protocol/result/result.ts'
import type { RemoteError } from '../../protocol/result-record.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import { cutLines } from '../../runtime/text/cut-text.ts'
import { maskPasswords } from '../../runtime/text/mask-passwords.ts'
import { printableLines } from '../../runtime/text/printable.ts'
import type { TaskRun } from '../../testing/run-message.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { note, print, toJson, wantsJson } from '../terminal/output.ts'

// As of a traceback that came from elsewhere.
const MOST_LINES = 40

/**
 * Prints the outcome of an attempt, and says what a worker would have sent because of it. Returns the exit status: 0 for a task that
 * succeeded or has nothing to say, 75 for one that asked for a retry, 1 for any other end.
 */
export function reportRun(
  message: TaskMessage,
  run: TaskRun,
  flags: GlobalOptions & { readonly send: boolean },
): number {
  const unsent = flags.send ? [] : followUps(message, run)
  if (wantsJson(flags)) print(`${maskPasswords(toJson(documentOf(message, run, unsent)))}\n`)
  else tell(message, run, flags)
  for (const { task, id, why } of unsent) note(`not sent: ${task}[${id}], ${why}`, flags)
  return STATUS[run.kind] ?? EXIT.failed
}

const STATUS: Partial<Record<TaskRun['kind'], number>> = {
  succeeded: EXIT.ok,
  ignored: EXIT.ok,
  replaced: EXIT.ok,
  // Ctrl-C, whose status the command has in any case.
  interrupted: EXIT.ok,
  retry: EXIT.temporary,
}

function tell(message: TaskMessage, run: TaskRun, flags: GlobalOptions): void {
  const named = `${message.task}[${message.id}]`
  switch (run.kind) {
    case 'succeeded':
      print(`${toJson(run.result)}\n`)
      break
    case 'ignored':
      note(`${named} is to have no result (Ignore)`, flags)
      break
    case 'replaced':
      note(`${named} is replaced by another signature, which was not sent`, flags)
      break
    case 'retry':
      traceback(run.error, flags)
      note(`${named} asks to run again at ${new Date(run.at).toISOString()}${because(run.error)}`, flags)
      break
    case 'failed':
    case 'timed-out':
    case 'rejected':
    case 'lost':
      traceback(run.error, flags)
      // The reason for the exit status, also with --quiet.
      note(`${named} ${ENDS[run.kind]}${because(run.error)}`, { quiet: false })
      break
    case 'revoked':
    case 'interrupted':
      note(`${named} was interrupted`, flags)
      break
    default:
      run satisfies never
  }
}

const ENDS = {
  failed: 'failed',
  'timed-out': 'ran into its hard limit',
  rejected: 'was rejected',
  lost: 'was lost',
} as const

function because(error: RemoteError | null): string {
  return error === null ? '' : `: ${exceptionRepr(error)}`
}

function traceback(error: RemoteError | null, flags: GlobalOptions): void {
  if (flags.quiet || !error?.traceback) return
  const text = error.traceback.trimEnd()
  const shown = flags.verbose ? text : cutLines(text, MOST_LINES, '; -v shows them')
  process.stderr.write(`${printableLines(maskPasswords(shown))}\n\n`)
}

/** What a worker would publish because of the attempt. */
interface FollowUp {
  readonly task: string
  readonly id: string
  readonly why: string
}

function followUps({ embed }: TaskMessage, { kind, sent }: TaskRun): readonly FollowUp[] {
  const after = (signatures: readonly unknown[] | null, why: string): readonly FollowUp[] =>
    (signatures ?? []).map((signature) => ({ ...readSignature(signature), why }))
  return [
    ...sent.map(({ task, message }) => ({ task, id: message.id, why: 'which it sent' })),
    ...(kind === 'succeeded' ? after(embed.callbacks, 'a callback') : []),
    ...(kind === 'succeeded' ? after(embed.chain?.slice(-1) ?? null, 'the next step of its chain') : []),
    ...(kind === 'failed' || kind === 'timed-out' ? after(embed.errbacks, 'an errback') : []),
  ]
}

function readSignature(signature: unknown): { readonly task: string; readonly id: string } {
  const { task, options } = (signature ?? {}) as {
    readonly task?: unknown
    readonly options?: { readonly task_id?: unknown }
  }
  const id = options?.task_id
  return { task: typeof task === 'string' ? task : 'a signature', id: typeof id === 'string' ? id : '-' }
}

function documentOf(message: TaskMessage, run: TaskRun, unsent: readonly FollowUp[]): object {
  const { id, task } = message
  const error = 'error' in run && run.error !== null ? run.error : undefined
  return {
    ...{ id, task, outcome: run.kind },
    ...('result' in run && { result: run.result }),
    ...(error && { error: encodeError(error), traceback: error.traceback }),
    ...('at' in run && { at: new Date(run.at) }),
    ...('runtime' in run && { runtime: Math.round(run.runtime) / 1_000 }),
    states: run.states,
    not_sent: unsent,
  }
}
