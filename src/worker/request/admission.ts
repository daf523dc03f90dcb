import type { TaskMessage } from '../../protocol/task-message.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'

/** What to do with a runnable task message: run it now, hold it for later, or not run it. */
export type Admission =
  | { readonly kind: 'run' }
  | { readonly kind: 'hold'; readonly until: number }
  | { readonly kind: 'refuse'; readonly outcome: Outcome }

const RUN: Admission = { kind: 'run' }
const REVOKED: Admission = { kind: 'refuse', outcome: { kind: 'revoked', reason: 'revoked' } }
const EXPIRED: Admission = { kind: 'refuse', outcome: { kind: 'revoked', reason: 'expired' } }

/** The inputs of a decision besides the message. */
export interface AdmissionFacts {
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly revoked: boolean
}

/** Decides on receipt, and again when a slot is free (wire specification 3.1). Times in milliseconds since the epoch. */
export function admit(message: TaskMessage, { now, revoked }: AdmissionFacts): Admission {
  if (message.expires !== undefined && now > message.expires) return EXPIRED
  if (revoked) return REVOKED
  if (message.eta !== undefined && message.eta > now) return { kind: 'hold', until: message.eta }
  return RUN
}
