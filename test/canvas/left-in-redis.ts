import type { ResultTuple } from '../../src/protocol/chord/chord.ts'

/** What workflows left in Redis: the results as their sender knows them, and what is under each key. */
export interface Left {
  readonly run: string
  readonly results: readonly ResultTuple[]
  readonly keys: Readonly<Record<string, unknown>>
}

/** What Redis holds of one workflow, with ids that two runs have in common; what belongs to the whole of a group goes by `group`. */
export function resultsOf(shape: number, { run, keys }: Left): Map<string, unknown> {
  const own = prefixOf(shape, run)
  const entries = Object.entries(keys).filter(([key, value]) => (key + JSON.stringify(value)).includes(own))
  const text = withCommonIds(JSON.stringify(entries), own).replace(/celery-taskset-meta-[^."]+/g, 'group')
  return new Map((JSON.parse(text) as [string, unknown][]).map(([key, value]) => [nameOf(key, value), essence(value)]))
}

/** What the sender of one workflow holds: its end, and what was before that, one after the other. Groups go by their tasks. */
export function lineOf(shape: number, { run, results }: Left): readonly string[] {
  const line: string[] = []
  for (let at: ResultTuple | null = results[shape] as ResultTuple; at !== null; at = at[0][1] as ResultTuple | null) {
    line.push(withCommonIds(endsOf(at).sort().join(), prefixOf(shape, run)))
  }
  return line
}

/** The ids that were given are told apart, and all that somebody drew are one: of groups, errbacks, callbacks, chunks. */
function withCommonIds(text: string, own: string): string {
  return text
    .replaceAll(own, '#')
    .replace(/#000000001[0-9a-f]{3}/g, 'drawn')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'drawn')
}

/** The ids of the tasks that a workflow ends with. */
function endsOf([[id], members]: ResultTuple): string[] {
  return members === null ? [id] : (members as unknown as readonly ResultTuple[]).flatMap(endsOf)
}

/** True for what is stored of a task. */
export function isMeta(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A worker of Celery 5.2 can't tell that a chord failed whose body is a chain; it stores that trouble as the error of the task. */
export function isTroubleOfCelery(value: unknown): boolean {
  return JSON.stringify(value ?? null).includes('expected a bytes-like object, NoneType found')
}

/** A worker of Celery 5.6 fails a group that is the body of a chord, and has it revoked: which of the two is left is a race. */
export function isRevokedBody(value: unknown): boolean {
  return isMeta(value) && (value as { status?: unknown }).status === 'REVOKED'
}

function prefixOf(shape: number, run: string): string {
  return `${run}-0000-4000-${shape.toString(16).padStart(4, '0')}-`
}

/** The parts of a chord go by the tasks they are of, and what a worker drew the id of by what became of it. */
function nameOf(key: string, value: unknown): string {
  if (key.endsWith('.j')) return `group of ${(value as [number, string][]).map(([, id]) => id).join()}`
  return key.endsWith('drawn') && isMeta(value)
    ? `${key} ${JSON.stringify((value as { result: unknown }).result)}`
    : key
}

/** When, and by whom, is nobody's business; nor which id Celery 5.2 gives to the group that a worker starts: it draws one. */
function essence(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { date_done: _, traceback: __, group_id: ___, children, ...meta } = value as Record<string, unknown>
  // Of a body that does not run Celery knows no more than that; of its children it stores those of another task.
  if (isChordError(meta)) return { status: meta.status, result: meta.result, task_id: meta.task_id }
  return {
    ...meta,
    result: inOneOrder(meta.result),
    children: Array.isArray(children) ? children.map(withoutGroupIds) : [],
  }
}

/** True for the result of a body that can't run. */
export function isChordError(value: unknown): boolean {
  return isMeta(value) && (value as { result?: { exc_type?: unknown } | null }).result?.exc_type === 'ChordError'
}

/** What is added to a chord has the place of who added it: which of the two comes first is a matter of their ids. */
function inOneOrder(result: unknown): unknown {
  if (!JSON.stringify(result ?? null).includes('["more"]')) return result
  const [parts, ...others] = result as [unknown[], ...unknown[]]
  return Array.isArray(parts) ? [parts.map((part) => JSON.stringify(part)).sort(), ...others] : result
}

function withoutGroupIds([[id, parent], members]: ResultTuple): unknown {
  if (members === null) return [[id, parent], null]
  return [['group', parent], members]
}
