import type { HiddenPart } from './tasks.ts'

/** The rights of a visitor: view, run tasks again, change and delete, run and pause schedules. */
export type Right = 'view' | 'retry' | 'edit' | 'schedule'

/** The visitor, and what the page may offer. */
export interface SessionAnswer {
  readonly user: string
  readonly rights: readonly Right[]
  /** The value of the header `x-twq-csrf` for every request that changes something. */
  readonly csrf: string
  /** The page offers a logout. */
  readonly canLogOut: boolean
  readonly hidden: readonly HiddenPart[]
  readonly version: string
}

/** The data of the server-sent event `changed`: a number for each topic, which grows with every change. */
export interface Versions {
  readonly tasks: number
  readonly workers: number
  readonly queues: number
  readonly broker: number
  readonly audit: number
  /** Rates and durations of the overview: they also change without events. */
  readonly rates: number
  /** The points of the charts. */
  readonly charts: number
}

/** The answer to a request that failed. */
export interface Refusal {
  readonly error: string
  readonly hint?: string
}
