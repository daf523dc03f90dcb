import { argsText } from '../../protocol/result/exceptions.ts'
import { isFinal, type RemoteError, type ResultRecord } from '../../protocol/result-record.ts'
import type { SetAsideSearch } from '../../queues/set-aside.ts'
import { cutText } from '../../runtime/text/cut-text.ts'
import { shellWord } from '../terminal/shell-word.ts'
import { type Evidence, seen } from './evidence.ts'
import { candidate, certain, type Statement } from './statement.ts'

// Characters of an error.
const LONGEST = 300

/** The messages of the task that workers have set aside. */
export function judgeAside({ aside }: Evidence): readonly Statement[] {
  return aside.flatMap(({ queue, look }) => {
    const search = seen(look)
    return search === undefined ? [] : foundAside(queue, search)
  })
}

function foundAside(queue: string, { kind, name, found }: SetAsideSearch): readonly Statement[] {
  return found.map(({ id, time, node, reason, detail }) => {
    const task = shellWord(id ?? '')
    const from = `--queue ${shellWord(queue)}`
    const by = node || 'a worker'
    const at = time === '' ? '' : ` at ${time}`
    const what = `${reason}${detail === '' ? '' : `: ${cutText(detail, LONGEST)}`}`
    const evidence = [`its message lies in ${name}`]
    return kind === 'failed'
      ? certain(
          'failed',
          `it failed on ${by}${at}, ${what}`,
          evidence,
          `twq failed show ${task} ${from}   (here, under a debugger: twq task replay ${task} ${from} --inspect-brk)`,
        )
      : certain(
          'quarantined',
          `${by} set it aside${at}, ${what}`,
          evidence,
          `twq quarantine show ${task} ${from}   (again: twq quarantine replay --id ${task} ${from})`,
        )
  })
}

/** The result that is kept of the task. `held`: a worker has it in hand. */
export function judgeResult({ asked, result }: Evidence, held: boolean): readonly Statement[] {
  const record = seen(result)
  if (record === undefined || asked.id === undefined) return []
  const command = `twq task result ${shellWord(asked.id)}`
  const says = [`its result says ${record.state}`]
  if (isFinal(record)) return [ended(record, says, command)]
  if (held) return []
  if (record.state === 'RETRY') {
    const why = 'error' in record ? errorText(record.error) : ''
    return [
      certain('waits-for-retry', `an attempt failed, and it is to run again${why}`, says, command),
      candidate('waits-elsewhere', 'it waits for its next attempt in its queue, or in a delay queue', [
        ...says,
        'no worker that answers holds it',
      ]),
    ]
  }
  const where = nodeIn(record)
  const by = where === undefined ? '' : ` on ${where}`
  return [
    candidate(
      'worker-gone',
      `it began to run${by}, and no worker that answers has it: its worker has died or is silent, and RabbitMQ delivers it again if it acknowledges late`,
      [...says, 'no worker that answers finds it'],
      where === undefined ? 'twq status' : `twq inspect ping -d ${shellWord(where)}`,
    ),
  ]
}

function ended(record: ResultRecord, says: readonly string[], command: string): Statement {
  if (record.state === 'SUCCESS') return certain('finished', 'it has finished: its result is kept', says, command)
  const error = 'error' in record ? record.error : null
  if (record.state === 'REVOKED') {
    const expired = error !== null && argsText(error).includes('expired')
    return expired
      ? certain('expired', 'it expired before a worker could start it', says, command)
      : certain('revoked', `it was revoked${errorText(error)}`, says, command)
  }
  return certain('failed', `it has failed${errorText(error)}`, says, command)
}

function errorText(error: RemoteError | null): string {
  return error === null ? '' : `: ${cutText(`${error.type}: ${argsText(error)}`, LONGEST)}`
}

/** Celery stores with STARTED who runs a task. */
function nodeIn(record: ResultRecord): string | undefined {
  const meta = 'error' in record ? undefined : record.result
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta)) return undefined
  const { hostname } = meta as { readonly hostname?: unknown }
  return typeof hostname === 'string' ? cutText(hostname, 255) : undefined
}
