import { stopwatch } from '../stopwatch.ts'

/** The flags of every bare consumer. */
export const CONSUMER_OPTIONS = {
  url: { type: 'string', default: '' },
  queue: { type: 'string', default: '' },
  prefetch: { type: 'string', default: '1000' },
  stopwatch: { type: 'string', default: '' },
  count: { type: 'string', default: '0' },
} as const

/** Called by a bare consumer with each message: records times if a stopwatch is given. */
export function tickOf(values: { readonly stopwatch: string; readonly count: string }): () => void {
  return values.stopwatch === '' ? () => {} : stopwatch(values.stopwatch, Number(values.count))
}
