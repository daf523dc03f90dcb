/** How serious a finding is; an `error` keeps a worker from doing its work. */
export type Status = 'ok' | 'warning' | 'error'

/** One thing that `twq doctor` looked at. */
export interface Finding {
  /** The part that was checked: `node`, `broker`, `queue celery`. */
  readonly check: string
  readonly status: Status
  /** The finding, with the value. */
  readonly what: string
  /** Why it matters. */
  readonly why?: string | undefined
  /** The next step; each line may hold a command to paste. */
  readonly fix?: string | undefined
}

/** A finding without a problem. */
export function ok(check: string, what: string, why?: string): Finding {
  return { check, status: 'ok', what, why }
}

/** A finding about something that works and may do harm. */
export function warning(check: string, what: string, why: string, fix: string): Finding {
  return { check, status: 'warning', what, why, fix }
}

/** A finding about something that does not work. */
export function error(check: string, what: string, why: string | undefined, fix: string | undefined): Finding {
  return { check, status: 'error', what, why, fix }
}
