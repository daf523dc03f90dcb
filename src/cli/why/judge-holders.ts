import { shellWord } from '../terminal/shell-word.ts'
import { type Evidence, seen, type WorkerEvidence } from './evidence.ts'
import { certain, type Statement } from './statement.ts'
import { counted, MOST_NAMED, runningOn, span } from './wording.ts'

/** The workers that have the task in hand, and what it waits for there. */
export function judgeHolders(evidence: Evidence): readonly Statement[] {
  return (seen(evidence.workers) ?? []).flatMap((worker) => {
    const statement = heldBy(worker, evidence)
    return statement === undefined ? [] : [statement]
  })
}

/** The workers that were told not to run it. */
export function judgeRevocations({ asked, workers }: Evidence): readonly Statement[] {
  const told = (seen(workers) ?? []).filter(({ revoked }) => revoked).map(({ node }) => node)
  if (told.length === 0) return []
  const id = shellWord(asked.id ?? '')
  const first = told.slice(0, MOST_NAMED)
  return [
    certain(
      'revoked',
      `it is revoked: ${counted(told.length, 'worker')} will drop it when it comes, or has dropped it`,
      first.map((node) => `${node} lists it among the revoked`),
      `twq inspect revoked -d ${shellWord(first.join(','))}   (to run it all the same, send it with another id: ${id} stays revoked)`,
    ),
  ]
}

function heldBy(worker: WorkerEvidence, { now, result }: Evidence): Statement | undefined {
  const { node, found, due } = worker
  const at = `-d ${shellWord(node)}`
  const record = seen(result)
  const again = record?.state === 'RETRY' ? 'to run it again: its last attempt asked for a retry' : undefined
  if (due !== undefined || found?.waitsFor === 'eta') {
    const eta = due?.eta
    const when = eta === undefined ? 'its time' : `${eta.toISOString()}, ${dueIn(eta.getTime() - now)}`
    return certain(
      again === undefined ? 'waits-for-eta' : 'waits-for-retry',
      `${node} holds it until ${when}${again === undefined ? '' : `, ${again}`}`,
      [`${node} lists it as scheduled`, ...(again === undefined ? [] : ['its result says RETRY'])],
      `twq inspect scheduled ${at}`,
    )
  }
  if (found === undefined) return undefined
  const { state, task, waitsFor } = found
  if (waitsFor === 'rate limit') {
    const limit = worker.tasks.get(task.type) || 'unknown'
    return certain(
      'waits-for-rate-limit',
      `${node} holds it back: ${task.type} is limited there to ${limit}`,
      [`${node} finds it, waiting for its rate limit`],
      `twq control rate-limit ${shellWord(task.type)} 0 ${at}`,
    )
  }
  if (waitsFor === 'settlement') {
    return certain(
      'settling',
      `${node} has run it, and could not yet store its result, publish what follows, or acknowledge its message`,
      [`${node} finds it, its code ended`],
      'twq doctor',
    )
  }
  if (state === 'active') {
    const took = task.startedAt === undefined ? '' : `, for ${span(now - task.startedAt.getTime())} so far`
    return certain(
      'runs',
      `${node} runs it${took}`,
      [`${node} finds it active`, ...(task.redelivered ? ['its message was delivered before'] : [])],
      `twq inspect active ${at}`,
    )
  }
  return reserved(worker, now, `twq inspect active ${at}`)
}

/** A message that was prefetched, and waits until a slot is free. */
function reserved({ node, active, slots, prefetch }: WorkerEvidence, now: number, command: string): Statement {
  const busy = active.length > 0 ? `; ${runningOn(active, now)}` : ''
  const takes = slots === undefined ? '' : `, which has ${counted(slots, 'slot')}`
  return certain(
    'waits-for-slot',
    `it waits for a free slot of ${node}${takes}${busy}`,
    [
      `${node} finds it reserved: prefetched, not started`,
      ...(prefetch === undefined ? [] : [`${node} may hold ${counted(prefetch, 'message')} (prefetch)`]),
    ],
    command,
  )
}

function dueIn(ms: number): string {
  return ms <= 0 ? 'which is now' : `in ${span(ms)}`
}
