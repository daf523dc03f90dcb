import { encodeError } from '../../protocol/result/result.ts'
import { isFinal } from '../../protocol/result-record.ts'
import type { TaskDetail } from '../answers/tasks.ts'
import type { ApiParts } from './context.ts'

const LONGEST = 100_000
const PATIENCE = 1_500

/** The task with the result that the backend keeps of it, in the place of the shortened text of an event; without one, unchanged. */
export async function withKeptResult(
  detail: TaskDetail,
  { client, readsResults, clock }: ApiParts,
): Promise<TaskDetail> {
  if (!readsResults) return detail
  const late = new Promise<undefined>((resolve) => clock.after(PATIENCE, () => resolve(undefined)))
  // A backend that is away costs the page its own patience, and the event's text is shown.
  const record = await Promise.race([client.result(detail.id).record(), late]).catch(() => undefined)
  if (record === undefined || !isFinal(record)) return detail
  const hides = (part: TaskDetail['hidden'][number]) => detail.hidden.includes(part)
  const kept = (text: string) =>
    ({ text: text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`, from: 'backend' }) as const
  if ('error' in record) {
    if (hides('errors')) return detail
    const { exc_type: type, exc_message: message } = encodeError(record.error) as Readonly<Record<string, unknown>>
    const exception = detail.exception ?? kept(`${String(type)}(${textOf(message)})`).text
    return { ...detail, exception, ...(record.traceback && { traceback: kept(record.traceback) }) }
  }
  return hides('results') ? detail : { ...detail, result: kept(textOf(record.result)) }
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value, (_, member) => (typeof member === 'bigint' ? String(member) : member), 2) ?? 'null'
  } catch {
    return 'a value that has no text'
  }
}
