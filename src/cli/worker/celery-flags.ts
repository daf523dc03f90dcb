import { TwqError } from '../../errors.ts'

/** Flags of Celery's worker that mean nothing here, or not yet. */
export interface CeleryFlags {
  readonly detach?: boolean
  readonly beat?: boolean
  /** `-O`. */
  readonly optimization?: string
}

/** What there is to say about them; throws `TWQ_USAGE` for what can't be left out unseen. */
export function heedCeleryFlags({ detach, beat, optimization }: CeleryFlags): readonly string[] {
  if (detach) {
    throw new TwqError('TWQ_USAGE', 'a worker does not put itself into the background', {
      hint: 'Let systemd (Type=exec), Docker or your orchestrator start it, or the shell: twq worker start -f worker.log &',
    })
  }
  if (beat) {
    throw new TwqError('TWQ_USAGE', 'a worker holds no beat', {
      hint: "Run Celery's beside it: celery -b amqp://… beat; it sends to any worker.",
    })
  }
  if (optimization === undefined) return []
  if (optimization === 'fair') return ['-O fair has no effect: a task goes to a slot that is free, always']
  throw new TwqError('TWQ_USAGE', `-O must be 'fair', got "${optimization}"`)
}
