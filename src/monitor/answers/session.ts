import type { HiddenPart } from './tasks.ts'

/** What a visitor may do: look, run tasks again, change and drop, run and pause schedules. */
export type Right = 'view' | 'retry' | 'edit' | 'schedule'

/** Who looks, and what the page may offer. */
export interface SessionAnswer {
  readonly user: string
  readonly rights: readonly Right[]
  /** The value of the header `x-twq-csrf` of every request that changes something. */
  readonly csrf: string
  /** The page can be left by a log-out. */
  readonly canLogOut: boolean
  readonly hidden: readonly HiddenPart[]
  readonly version: string
}

/** What the server-sent event `changed` holds: a number for each topic, which grows with every change. */
export interface Versions {
  readonly tasks: number
  readonly workers: number
  readonly queues: number
  readonly broker: number
  readonly audit: number
  /** Rates and durations of the overview: they change also while nothing is heard. */
  readonly rates: number
  /** The points of the charts. */
  readonly charts: number
}

/** The answer to a request that could not be met. */
export interface Refusal {
  readonly error: string
  readonly hint?: string
}
