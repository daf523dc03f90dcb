import { type Evidence, seen } from './evidence.ts'
import { judgeBroker } from './judge-broker.ts'
import { judgeHolders, judgeRevocations } from './judge-holders.ts'
import { judgeName } from './judge-name.ts'
import { judgeAside, judgeResult } from './judge-outcomes.ts'
import { judgeQueues } from './judge-queues.ts'
import { candidate, certain, type Statement } from './statement.ts'
import { counted, some } from './wording.ts'

/** Derives the statements about a task from the evidence, certain ones first. Pure. */
export function judge(evidence: Evidence): readonly Statement[] {
  const statements = evidence.asked.id === undefined ? judgeName(evidence) : judgeTask(evidence)
  const rank = ({ certainty }: Statement): number => (certainty === 'certain' ? 0 : 1)
  return [...statements].sort((a, b) => rank(a) - rank(b))
}

function judgeTask(evidence: Evidence): readonly Statement[] {
  const broker = judgeBroker(evidence)
  const holders = judgeHolders(evidence)
  const result = judgeResult(evidence, holders.length > 0)
  const aside = judgeAside(evidence)
  const isOver = ({ kind }: Statement): boolean => ['finished', 'failed', 'expired', 'revoked'].includes(kind)
  const located = holders.length > 0 || aside.length > 0 || result.some(isOver)
  const revoked = result.some(({ kind }) => kind === 'revoked') ? [] : judgeRevocations(evidence)
  return [...broker, ...holders, ...result, ...aside, ...revoked, ...(located ? [] : judgeTraceless(evidence))]
}

/** Without a trace of it: where it may wait, which takes no message to find out, and that it may be over or never was. */
function judgeTraceless(evidence: Evidence): readonly Statement[] {
  const delayed = seen(evidence.delayed) ?? 0
  return [
    ...judgeQueues(evidence, false),
    ...(delayed > 0
      ? [
          candidate(
            'delayed',
            'it may wait for its time in the queues of delayed delivery',
            [`${counted(delayed, 'message')} in celery_delayed_0 to celery_delayed_27`],
            'twq queue list --all   (needs the management API)',
          ),
        ]
      : []),
    ...judgeAbsence(evidence),
  ]
}

function judgeAbsence({ result, queues, workers, aside, broker }: Evidence): readonly Statement[] {
  if (broker.kind === 'unseen') return []
  const waiting = (seen(queues) ?? []).filter(({ status }) => (status?.messages ?? 0) > 0).map(({ name }) => name)
  const exist = (seen(queues) ?? []).filter(({ status }) => status !== undefined).map(({ name }) => name)
  const nodes = (seen(workers) ?? []).filter(({ silentOn }) => !silentOn.includes('query_task')).map(({ node }) => node)
  const looks = aside.flatMap(({ look }) => seen(look) ?? [])
  const looked = looks.reduce((sum, one) => sum + one.looked, 0)
  const unlooked = looks.reduce((sum, one) => sum + one.unseen, 0)
  const kept = result.kind === 'seen'
  const where = waiting.length > 0 ? `it waits in ${waiting.length > 1 ? 'one of ' : ''}${some(waiting)}, ` : ''
  const over = kept
    ? 'finished before and its result was ignored or has expired, expired itself'
    : "finished before (its result can't be read from here), expired"
  const evidence = [
    ...(workers.kind === 'unseen'
      ? []
      : [nodes.length === 0 ? 'no worker has answered' : `not found on ${some(nodes)}`]),
    ...(kept && result.value === undefined ? ['the result backend knows nothing of it'] : []),
    ...(exist.length > 0 && waiting.length === 0 ? [`nothing is ready in ${some(exist)}`] : []),
    `it is not among ${counted(looked, 'message')} that were set aside${unlooked > 0 ? `; ${unlooked} more were not looked at` : ''}`,
  ]
  const kind = waiting.length > 0 ? 'waits-or-over' : 'over-or-never-sent'
  const sentence = `${where}${where === '' ? 'it ' : ''}${over}, or was never sent to this virtual host`
  return [
    candidate(kind, sentence, evidence),
    ...(exist.length > 0 && waiting.length === 0 && queues.kind === 'seen' ? [notWaiting(exist, aside)] : []),
  ]
}

/** With these the broker has answered. */
const REFUSALS: readonly (string | undefined)[] = ['TWQ_BROKER_PERMISSION', 'TWQ_QUEUE_LOCKED']

/**
 * A quorum queue without a majority of its members tells how many messages it has from what one member knows (RabbitMQ 3.10: 0), while
 * looking into a queue beside it finds no answer: then the count is no proof.
 */
function notWaiting(queues: readonly string[], aside: Evidence['aside']): Statement {
  const silent = aside
    .filter(({ look }) => look.kind === 'unseen' && !REFUSALS.includes(look.code))
    .map(({ name }) => name)
  const sentence = `it waits in none of ${some(queues)}`
  const ready = 'nothing is ready there'
  if (silent.length === 0) return certain('not-waiting', sentence, [ready])
  return candidate(
    'not-waiting',
    sentence,
    [`${ready}, says a broker that did not answer for ${some(silent)}`],
    'twq doctor',
  )
}
