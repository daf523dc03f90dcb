import type { TaskQueue } from '../../protocol/queue/task-queue.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import type { Request } from './request.ts'

/**
 * Hears what happens in a worker: each method is one moment, called synchronously, in the order in which the observers were
 * added. None may throw.
 */
export interface WorkerObserver {
  /** A task queue was declared, for the first time or again, and is consumed next. */
  declared?(queue: TaskQueue, as: DeclaredQueue): void
  /** A message was taken that can run: now, or when it is due. */
  received?(request: Request): void
  /** The code of an attempt is about to run in the process `pid`. */
  started?(request: Request, pid: number): void
  /** The broker delivered a message not for the first time. */
  redelivered?(): void
  /** The broker took back unacknowledged messages: those of a lost channel, or of a consumer that it ended. */
  takenBack?(): void
  /** A held request may start: its ETA has come, or it is `inTurn`: its rate limit allows it, or the attempt before it is over. */
  due?(request: Request, inTurn: boolean): void
  /** A request finds no free slot. */
  waiting?(): void
  /** The outcome of an attempt is safe. */
  settled?(request: Request, outcome: Outcome): void
  /** A message is in its quarantine. */
  quarantined?(task: string | undefined): void
  /** A copy of the message of a failed task is in `<queue>.failed`. */
  kept?(task: string): void
  /** This worker leads the schedules, and has sent the task of an entry: how many milliseconds late, and when. */
  scheduled?(schedule: string, lag: number, sentAt: number): void
  /** Outcomes can't be settled: nothing new is to be taken until `resumed`. */
  halted?(): void
  resumed?(): void
  /** The worker consumes: once. */
  ready?(): void
  /** A warm shutdown is asked for from within. */
  shutdownRequested?(): void
  /** The worker takes no more: once, before its services are stopped. */
  stopping?(): void
  /** A connection was lost; a new one is opened. */
  connectionLost?(role: ConnectionRole, error: Error): void
  /** It is open again, after `downtime` milliseconds. */
  connectionRegained?(role: ConnectionRole, downtime: number): void
  /** A connection ended, and will not come back. */
  connectionFailed?(error: Error): void
}

/** A worker has one connection for each. */
export type ConnectionRole = 'consumer' | 'publisher'

/** What a task queue is, as the broker has it. */
export interface DeclaredQueue {
  readonly quorum: boolean
  /** It puts its messages in the order of their priorities. */
  readonly priorities: boolean
  /** It has one consumer at a time, which gets its messages in order. */
  readonly singleActive: boolean
  /** Its arguments name a dead-letter exchange, which gets what is rejected; a policy may name one, too, and is not seen. */
  readonly deadLetters: boolean
}

type Moment = keyof WorkerObserver
type Hearing = { readonly [M in Moment]: Pick<Required<WorkerObserver>, M>[] }

/** Tells the observers of a worker what happens: where a room calls one that is made after it. */
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

  /** Has observers hear all moments from now on that they have methods for. */
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
