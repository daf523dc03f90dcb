import type { Evidence, WorkerEvidence } from '../../../src/cli/why/evidence.ts'
import type { InspectedTask } from '../../../src/protocol/remote/inspect-answers.ts'

/** A source that was asked. */
export function seen<T>(value: T): { readonly kind: 'seen'; readonly value: T } {
  return { kind: 'seen', value }
}

/** A source that could not be asked. */
export function unseen(code: string, why = 'no') {
  return { kind: 'unseen', code, why } as const
}

/** Evidence of a task of which nobody knows anything, on an empty queue without workers. */
export function anEvidence(differs: Partial<Evidence> = {}): Evidence {
  return {
    asked: { id: 'x-1', name: undefined },
    now: Date.parse('2030-01-01T00:00:00Z'),
    broker: seen({ vhost: '/', address: 'localhost:5672' }),
    workers: seen([]),
    result: seen(undefined),
    queues: seen([
      { name: 'celery', status: { name: 'celery', messages: 0, consumers: 0 }, down: undefined, suspects: 0 },
    ]),
    aside: [],
    delayed: seen(0),
    route: seen(undefined),
    ...differs,
  }
}

/** An idle worker of ours on the queue `celery`, with the task `add`. */
export function aWorkerSeen(differs: Partial<WorkerEvidence> = {}): WorkerEvidence {
  return {
    node: 'w1@host',
    ours: true,
    found: undefined,
    due: undefined,
    revoked: false,
    tasks: new Map([['add', '']]),
    queues: [{ name: 'celery', singleActiveConsumer: false }],
    active: [],
    slots: 1,
    prefetch: 1,
    silentOn: [],
    ...differs,
  }
}

/** A task as a worker shows it. */
export function aTaskSeen(differs: Partial<InspectedTask> = {}): InspectedTask {
  return {
    id: 'x-1',
    name: 'add',
    type: 'add',
    args: [],
    kwargs: {},
    startedAt: undefined,
    acknowledged: false,
    exchange: '',
    routingKey: 'celery',
    priority: undefined,
    redelivered: false,
    workerPid: undefined,
    ...differs,
  }
}
