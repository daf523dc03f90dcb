import type { QueueStatus } from '../../broker/broker.ts'
import type { FoundTask, InspectedTask } from '../../protocol/remote/inspect-answers.ts'
import type { ResultRecord } from '../../protocol/result-record.ts'
import type { SetAsideSearch } from '../../queues/set-aside.ts'

/** What was asked for. */
export interface Asked {
  /** The id of a task; undefined where only a name is asked for. */
  readonly id: string | undefined
  /** The name of a task, where it is known. */
  readonly name: string | undefined
}

/** What a source said, or why it could not be asked. */
export type Look<T> =
  | { readonly kind: 'seen'; readonly value: T }
  | {
      readonly kind: 'unseen'
      readonly code: string | undefined
      readonly why: string
      readonly hint?: string | undefined
    }

/** What one worker says of the task, and of itself. */
export interface WorkerEvidence {
  readonly node: string
  /** A worker of twq says why a task waits; one in Python does not find what its rate limit holds. */
  readonly ours: boolean
  readonly found: FoundTask | undefined
  /** When a task is due that it holds; undefined where it holds none of this id. */
  readonly due: { readonly task: InspectedTask; readonly eta: Date | undefined } | undefined
  readonly revoked: boolean
  /** The rate limits of its tasks, by name; '' for a task without one. */
  readonly tasks: ReadonlyMap<string, string>
  readonly queues: readonly { readonly name: string; readonly singleActiveConsumer: boolean }[]
  readonly active: readonly InspectedTask[]
  /** How many tasks run at once, and how many messages it may hold; undefined where it does not tell. */
  readonly slots: number | undefined
  readonly prefetch: number | undefined
  /** The questions that it did not answer. */
  readonly silentOn: readonly string[]
}

/** What lies in a task queue, and beside it. */
export interface QueueEvidence {
  readonly name: string
  /** Undefined where there is no such queue. */
  readonly status: QueueStatus | undefined
  /** Why it can't be reached. */
  readonly down: string | undefined
  readonly suspects: number
}

/** What was found beside a task queue, in a queue for messages that were set aside. */
export interface AsideEvidence {
  readonly queue: string
  readonly name: string
  readonly look: Look<SetAsideSearch>
}

/** The address of a task by the configuration of this command. */
export interface RouteEvidence {
  readonly queue: string
  readonly exchange: string
  readonly routingKey: string
}

/** Everything that was gathered about a task. A pure function judges it. */
export interface Evidence {
  readonly asked: Asked
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The virtual host, and the server's address without its password. */
  readonly broker: Look<{ readonly vhost: string; readonly address: string }>
  readonly workers: Look<readonly WorkerEvidence[]>
  readonly result: Look<ResultRecord | undefined>
  readonly queues: Look<readonly QueueEvidence[]>
  /** The searches of the queues beside each task queue. */
  readonly aside: readonly AsideEvidence[]
  /** Messages in all queues of native delayed delivery. */
  readonly delayed: Look<number>
  /** Where the task was sent, where that was said; else where the configuration would send it; undefined without a name. */
  readonly route: Look<RouteEvidence | undefined>
}

/** What was seen; undefined where nothing was. */
export function seen<T>(look: Look<T>): T | undefined {
  return look.kind === 'seen' ? look.value : undefined
}
