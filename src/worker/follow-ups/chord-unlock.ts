import { TwqError } from '../../errors.ts'
import type { ResultTuple } from '../../protocol/chord/chord.ts'
import { isFinal } from '../../protocol/result-record.ts'
import { readArray } from '../../protocol/signature.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { ResultBackend } from '../../results/backend.ts'
import type { Json } from '../../runtime/json.ts'
import type { FollowUps } from './follow-ups.ts'

/** The parts that polling a chord works with. */
export interface ChordUnlockParts {
  readonly results: Pick<ResultBackend, 'kind' | 'read'>
  readonly followUps: Pick<FollowUps, 'endChord'>
}

/** The arguments of `celery.chord_unlock`: the body of a chord, and the results of its header. */
export interface PolledChord {
  readonly body: Json
  readonly header: Json
}

/** The most tasks in a chord's header, including those of nested groups. */
const MOST_TASKS = 10_000

/**
 * Checks the results of a chord's header, as Celery does for backends that can't count (wire specification 4.7). Once all tasks
 * have ended it sends the body as a child of `message`, or fails it. Throws `TWQ_CHORD_UNSUPPORTED` if results can't be read,
 * `TWQ_MESSAGE_MALFORMED` for an invalid header.
 */
export async function unlockChord(
  { body, header }: PolledChord,
  message: TaskMessage,
  { results, followUps }: ChordUnlockParts,
): Promise<'waiting' | 'ended'> {
  if (results.read === undefined) {
    throw new TwqError(
      'TWQ_CHORD_UNSUPPORTED',
      `results can't be read with ${results.kind}, so no chord can be polled`,
      {
        hint: "Give this worker the result backend of the header's workers: resultBackend: 'redis://…'",
      },
    )
  }
  const members = readArray(header, 'result').map((tuple) => readTuple(tuple))
  const records = await results.read(members.flatMap(leavesOf))
  const parts = records.flatMap((record) => (record !== undefined && isFinal(record) ? [record] : []))
  if (parts.length < records.length) return 'waiting'
  const nested = members.some(([, inner]) => inner !== null)
  const failed = parts.some(({ state }) => state !== 'SUCCESS')
  const shape: ResultTuple | null = nested && !failed ? [['', null], members as unknown as Json] : null
  await followUps.endChord(body, { parts, shape }, message)
  return 'ended'
}

function readTuple(value: Json, depth = 0): ResultTuple {
  const [own, members] = Array.isArray(value) ? value : []
  const id = Array.isArray(own) ? own[0] : undefined
  if (typeof id !== 'string' || depth > 100) throw malformed()
  if (members === null || members === undefined) return [[id, null], null]
  return [[id, null], readArray(members, 'result').map((member) => readTuple(member, depth + 1)) as unknown as Json]
}

function leavesOf([[id], members]: ResultTuple): readonly string[] {
  const ids = members === null ? [id] : (members as unknown as readonly ResultTuple[]).flatMap(leavesOf)
  if (ids.length > MOST_TASKS) throw malformed()
  return ids
}

function malformed(): TwqError {
  return new TwqError('TWQ_MESSAGE_MALFORMED', 'result must be a list of result tuples: [[id, parent], null]')
}
