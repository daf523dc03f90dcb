import type { TaskQueue } from '../../protocol/queue/task-queue.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import type { Request } from './request.ts'

/**
 * Observes a worker: each method is one event, called synchronously, in the order in which the observers were added. None may
 * throw.
 */
export interface WorkerObserver {
  /** A task queue was declared, for the first time or again, and will be consumed next. */
  declared?(queue: TaskQueue, as: DeclaredQueue): void
  /** A runnable message was received: to run now, or when it is due. */
  received?(request: Request): void
  /** The code of an attempt is about to run in the process `pid`. */
  started?(request: Request, pid: number): void
  /** The broker redelivered a message. */
  redelivered?(): void
  /** The broker took back unacknowledged messages: those of a lost channel, or of a consumer that it ended. */
  takenBack?(): void
  /** A held request may start: its ETA has come, or it is `inTurn`: its rate limit allows it, or the previous attempt is over. */
  due?(request: Request, inTurn: boolean): void
  /** A request found no free slot. */
  waiting?(): void
  /** The outcome of an attempt is stored. */
  settled?(request: Request, outcome: Outcome): void
  /** A message was moved to its quarantine. */
  quarantined?(task: string | undefined): void
  /** A copy of a failed task's message is in `<queue>.failed`. */
  kept?(task: string): void
  /** This worker leads the schedules, and has sent the task of an entry: how many milliseconds late, and when. */
  scheduled?(schedule: string, lag: number, sentAt: number): void
  /** Outcomes can't be settled: nothing new is accepted until `resumed`. */
  halted?(): void
  resumed?(): void
  /** The worker has started to consume: once. */
  ready?(): void
  /** A warm shutdown was requested from inside. */
  shutdownRequested?(): void
  /** The worker accepts no more: once, before its services are stopped. */
  stopping?(): void
  /** A connection was lost; a new one is being opened. */
  connectionLost?(role: ConnectionRole, error: Error): void
  /** It is restored, after `downtime` milliseconds. */
  connectionRegained?(role: ConnectionRole, downtime: number): void
  /** A connection ended permanently. */
  connectionFailed?(error: Error): void
}

/** A worker has one connection for each. */
export type ConnectionRole = 'consumer' | 'publisher'

/** The properties of a task queue on the broker. */
export interface DeclaredQueue {
  readonly quorum: boolean
  /** It delivers messages in the order of their priorities. */
  readonly priorities: boolean
  /** It has a single active consumer, which gets its messages in order. */
  readonly singleActive: boolean
  /** Its arguments name a dead-letter exchange for rejected messages; one named by a policy can't be seen. */
  readonly deadLetters: boolean
}

type Moment = keyof WorkerObserver
type Hearing = { readonly [M in Moment]: Pick<Required<WorkerObserver>, M>[] }

/** Calls the observers of a worker: used by parts to reach others that are created after them. */
export class Moments implements Required<WorkerObserver> {
  readonly #hearing: Hearing = {
    declared: [],
    received: [],
    started: [],
    redelivered: [],
    takenBack: [],
    due: [],
    waiting: [],
    settled: [],
    quarantined: [],
    kept: [],
    scheduled: [],
    halted: [],
    resumed: [],
    ready: [],
    shutdownRequested: [],
    stopping: [],
    connectionLost: [],
    connectionRegained: [],
    connectionFailed: [],
  }

  /** Adds observers, which from now on are called for all events that they have methods for. */
  add(...observers: readonly (WorkerObserver | undefined)[]): void {
    for (const observer of observers) {
      if (observer === undefined) continue
      for (const [moment, hearing] of Object.entries(this.#hearing)) {
        if (observer[moment as Moment] !== undefined) hearing.push(observer as never)
      }
    }
  }

  declared(queue: TaskQueue, as: DeclaredQueue): void {
    for (const observer of this.#hearing.declared) observer.declared(queue, as)
  }

  received(request: Request): void {
    for (const observer of this.#hearing.received) observer.received(request)
  }

  started(request: Request, pid: number): void {
    for (const observer of this.#hearing.started) observer.started(request, pid)
  }

  redelivered(): void {
    for (const observer of this.#hearing.redelivered) observer.redelivered()
  }

  takenBack(): void {
    for (const observer of this.#hearing.takenBack) observer.takenBack()
  }

  due(request: Request, inTurn: boolean): void {
    for (const observer of this.#hearing.due) observer.due(request, inTurn)
  }

  waiting(): void {
    for (const observer of this.#hearing.waiting) observer.waiting()
  }

  settled(request: Request, outcome: Outcome): void {
    for (const observer of this.#hearing.settled) observer.settled(request, outcome)
  }

  quarantined(task: string | undefined): void {
    for (const observer of this.#hearing.quarantined) observer.quarantined(task)
  }

  kept(task: string): void {
    for (const observer of this.#hearing.kept) observer.kept(task)
  }

  scheduled(schedule: string, lag: number, sentAt: number): void {
    for (const observer of this.#hearing.scheduled) observer.scheduled(schedule, lag, sentAt)
  }

  halted(): void {
    for (const observer of this.#hearing.halted) observer.halted()
  }

  resumed(): void {
    for (const observer of this.#hearing.resumed) observer.resumed()
  }

  ready(): void {
    for (const observer of this.#hearing.ready) observer.ready()
  }

  shutdownRequested(): void {
    for (const observer of this.#hearing.shutdownRequested) observer.shutdownRequested()
  }

  stopping(): void {
    for (const observer of this.#hearing.stopping) observer.stopping()
  }

  connectionLost(role: ConnectionRole, error: Error): void {
    for (const observer of this.#hearing.connectionLost) observer.connectionLost(role, error)
  }

  connectionRegained(role: ConnectionRole, downtime: number): void {
    for (const observer of this.#hearing.connectionRegained) observer.connectionRegained(role, downtime)
  }

  connectionFailed(error: Error): void {
    for (const observer of this.#hearing.connectionFailed) observer.connectionFailed(error)
  }
}
