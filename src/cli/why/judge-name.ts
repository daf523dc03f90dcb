import { closest } from '../../runtime/text/closest.ts'
import { shellWord } from '../terminal/shell-word.ts'
import { type Evidence, seen } from './evidence.ts'
import { judgeBroker } from './judge-broker.ts'
import { judgeQueues } from './judge-queues.ts'
import { candidate, certain, type Statement } from './statement.ts'
import { counted, some } from './wording.ts'

/** Where tasks of this name go, which workers have it, and what stands in the way. */
export function judgeName(evidence: Evidence): readonly Statement[] {
  const { asked, route, workers } = evidence
  const { name = '' } = asked
  const way = seen(route)
  const broker = judgeBroker(evidence)
  const inTheWay = evidence.broker.kind === 'unseen' ? [] : judgeQueues(evidence, true)
  const hinders = inTheWay.some(({ kind }) => kind !== 'standby')
  const clear = broker.length === 0 && !hinders && workers.kind === 'seen' && way !== undefined
  return [
    ...broker,
    ...(way === undefined
      ? [
          certain(
            'no-route',
            "a route of the configuration can't say where it goes",
            route.kind === 'unseen' ? [route.why] : [],
            'twq doctor',
          ),
        ]
      : [
          certain(
            'goes-to',
            `${name} goes to the queue ${way.queue}`,
            [
              way.exchange === ''
                ? 'by the configuration here: queue, routes and default of other senders may differ'
                : `by the configuration here, over the exchange ${way.exchange} with the key ${way.routingKey}`,
            ],
            `twq task send ${shellWord(name)} --dry-run`,
          ),
        ]),
    ...(workers.kind === 'seen' ? registered(name, evidence, inTheWay) : [perhapsAnId(name, evidence)]),
    ...inTheWay,
    ...(clear
      ? [candidate('clear', 'nothing that was seen stands in the way', [], `twq task send ${shellWord(name)} --wait`)]
      : []),
  ]
}

function registered(name: string, evidence: Evidence, inTheWay: readonly Statement[]): readonly Statement[] {
  const all = seen(evidence.workers) ?? []
  const perhaps = perhapsAnId(name, evidence)
  if (all.length === 0) {
    return [
      certain(
        'no-worker',
        'no worker answers on this broker',
        ['none has answered remote control'],
        'twq worker start',
      ),
      perhaps,
    ]
  }
  const have = all.filter(({ tasks }) => tasks.has(name)).map(({ node }) => node)
  if (have.length > 0) {
    const sentence = `${have.length} of ${counted(all.length, 'worker')} ${have.length === 1 ? 'has' : 'have'} it: ${some(have)}`
    return [
      certain(
        'registered',
        sentence,
        have.slice(0, 5).map((node) => `${node} has registered it`),
        'twq inspect registered',
      ),
    ]
  }
  // The workers of its queue say it already.
  if (inTheWay.some(({ kind, certainty }) => kind === 'unknown-task' && certainty === 'certain')) return [perhaps]
  const meant = closest(name, new Set(all.flatMap(({ tasks }) => [...tasks.keys()])))
  const did = meant === undefined ? '' : `; did you mean ${meant}?`
  const asked = all.slice(0, 5).map(({ node }) => `${node} has not registered it`)
  const sentence = `no worker that answers has a task ${name}${did}`
  return [certain('not-registered', sentence, asked, 'twq inspect registered'), perhaps]
}

/** Says that what was asked for was taken as a name, for a person who meant an id. */
function perhapsAnId(name: string, { broker, workers }: Evidence): Statement {
  const complete = broker.kind === 'seen' && workers.kind === 'seen'
  return candidate(
    'perhaps-an-id',
    `${name} is taken as the name of a task, as it does not look like an id; if it is one, nothing is known of it`,
    [
      complete
        ? 'no worker, result or message that was set aside has such an id'
        : 'what could be asked has no such id; the notes say what could not',
    ],
    `twq task why ${shellWord(name)} --task <its name>`,
  )
}
