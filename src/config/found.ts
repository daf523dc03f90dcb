/** Where a value was found, as messages say it: `worker.config.ts`, `TWQ_BROKER`, `--broker`, `default`. */
export type Origin = string

/** A value as it was found; `text` where it was typed, `value` where it was written in a file. */
export interface Found {
  readonly origin: Origin
  readonly kind: 'flag' | 'env' | 'file' | 'default'
  readonly text?: string
  readonly value?: unknown
  readonly old?: boolean
}
