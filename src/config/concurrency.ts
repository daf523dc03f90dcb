import { kindOf } from '../pool/kinds/all.ts'
import type { Config } from './config.ts'
import type { Read } from './options.ts'

/** How many tasks run at once, to begin with. */
export function concurrencyOf(read: Read): number {
  const autoscale = autoscaleOf(read)
  if (autoscale !== undefined) return Math.max(autoscale.min, 1)
  const { concurrency } = kindOf(read('pool'))
  return concurrency === undefined ? 1 : (read('concurrency') ?? concurrency.count())
}

/** The bounds of a pool that grows and shrinks; a pool for one task has none. */
export function autoscaleOf(read: Read): Config['autoscale'] {
  return kindOf(read('pool')).concurrency === undefined ? undefined : read('autoscale')
}
