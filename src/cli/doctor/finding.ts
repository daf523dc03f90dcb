/** How serious a finding is; an `error` keeps a worker from doing its work. */
export type Status = 'ok' | 'warning' | 'error'

/** One thing that `twq doctor` looked at. */
export interface Finding {
  /** What was looked at: `node`, `broker`, `queue celery`. */
  readonly check: string
  readonly status: Status
  /** What was found, with the value. */
  readonly what: string
  /** Why it matters. */
  readonly why?: string | undefined
  /** What to do; each line may hold a command to paste. */
  readonly fix?: string | undefined
}

/** What is as it should be. */
export function ok(check: string, what: string, why?: string): Finding {
  return { check, status: 'ok', what, why }
}

/** What works, and may hurt. */
export function warning(check: string, what: string, why: string, fix: string): Finding {
  return { check, status: 'warning', what, why, fix }
}

/** What does not work. */
export function error(check: string, what: string, why: string | undefined, fix: string | undefined): Finding {
  return { check, status: 'error', what, why, fix }
}
