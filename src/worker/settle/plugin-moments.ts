import type { Observers } from '../../plugins/observers.ts'
import { celeryError } from '../../protocol/result/exceptions.ts'
import type { RemoteError } from '../../protocol/result-record.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import type { TaskFailure, TaskMoment } from '../../tasks/plugin.ts'
import type { WorkerObserver } from '../request/moments.ts'
import type { Request } from '../request/request.ts'
import { INTERRUPTED } from './settlement.ts'

/** Passes the events of a worker to plugins. It has methods only for events that a plugin observes: others cost nothing. */
export function pluginMoments(observers: Observers, node: string): WorkerObserver {
  const { hears, tell } = { hears: observers.hears.bind(observers), tell: observers.tell.bind(observers) }
  return {
    ...(hears('received') && { received: (request) => tell('received', factsOf(request)) }),
    ...(hears('started') && { started: (request, pid) => tell('started', { ...factsOf(request), pid }) }),
    ...(hears('succeeded', 'failed', 'retried', 'revoked', 'rejected') && settledTeller(observers)),
    ...(hears('quarantined') && { quarantined: (task) => tell('quarantined', { task }) }),
    ...(hears('workerReady') && { ready: () => tell('workerReady', { node }) }),
    ...(hears('workerStopping') && { stopping: () => tell('workerStopping', { node }) }),
    ...(hears('brokerLost') && { connectionLost: (role, error) => tell('brokerLost', { role, error: error.message }) }),
    ...(hears('brokerRegained') && {
      connectionRegained: (role, downtime) => tell('brokerRegained', { role, downtime }),
    }),
  } satisfies WorkerObserver
}

/** Most outcomes are successes: they cost nothing if no plugin observes them. */
function settledTeller(observers: Observers): Pick<WorkerObserver, 'settled'> {
  const successes = observers.hears('succeeded')
  return {
    settled(request, outcome) {
      if (successes || outcome.kind !== 'succeeded') tellSettled(observers, request, outcome)
    },
  }
}

/** As for monitors: no event for a task that returns to its queue because of a shutdown or a dead process. */
function tellSettled(observers: Observers, request: Request, outcome: Outcome): void {
  const facts = factsOf(request)
  const failed = (how: TaskFailure['how'], error: RemoteError): void =>
    observers.tell('failed', { ...facts, error, how, startedAt: request.startedAt })
  switch (outcome.kind) {
    case 'succeeded':
      observers.tell('succeeded', { ...facts, result: outcome.result, runtime: outcome.runtime })
      return
    case 'failed':
      failed('threw', outcome.error)
      return
    case 'timed-out':
      failed('timed-out', outcome.error)
      return
    case 'retry':
      observers.tell('retried', { ...facts, at: outcome.at, error: outcome.error })
      return
    case 'revoked':
      observers.tell('revoked', { ...facts, reason: outcome.reason })
      return
    case 'rejected':
      observers.tell('rejected', { ...facts, requeue: outcome.requeue })
      return
    case 'lost':
      if (request.acknowledged) failed('lost', outcome.error)
      return
    case 'interrupted':
      if (request.acknowledged) failed('interrupted', celeryError('WorkerLostError', [INTERRUPTED]))
      return
    case 'ignored':
    case 'replaced':
      return
  }
}

function factsOf({ message, queue }: Request): TaskMoment {
  return { task: message.task, id: message.id, queue, message }
}
